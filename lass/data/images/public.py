"""Pictures that have to be fetched by hand: checked, and laid out as the reader `folder` wants them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lass.data.archives import extract_tar, folder_aside
from lass.data.downloads.connections import PAGE, is_page
from lass.data.downloads.expected import Expected
from lass.data.sources import CELEBA_SUMS, PUBLIC_DATA

PARTITION = "list_eval_partition.txt"
PICTURES = "img_align_celeba"
_SPLITS = ("train", "validation", "test")  # 0, 1 and 2 in the file
_CLASSES = 1000  # of ImageNet
_CELEBA, _IMAGENET = PUBLIC_DATA["celeba"], PUBLIC_DATA["imagenet_validation"]


def lay_out_celeba(folder: Path, out: Path) -> dict[str, int]:
    """Make `out` of links to CelebA's pictures in `folder`: <split>/000001.jpg, as its own file divides them.

    `folder` holds list_eval_partition.txt and the unpacked img_align_celeba. Returns the pictures per split.

    Raises:
        FileNotFoundError: one of the two is not there.
        ValueError: the file is another one, such as a page about a quota, or pictures are missing.
    """
    listed = read_partition(folder / PARTITION, sums=CELEBA_SUMS)
    counts = {split: len(names) for split, names in listed.items()}
    if counts != dict(_CELEBA.items):
        raise ValueError(f"{folder / PARTITION} lists {counts} pictures, not {dict(_CELEBA.items)}")
    check_pictures(folder / PICTURES, [name for names in listed.values() for name in names])
    with folder_aside(out) as aside:
        for split, names in listed.items():
            (aside / split).mkdir()
            for name in names:
                (aside / split / name).symlink_to((folder / PICTURES / name).absolute())
    return counts


def read_partition(path: Path, *, sums: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of the pictures of every split, in the order of CelebA's official file at `path`.

    `sums`: MD5 by name of the file; one that it does not name is not checked.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is a page of HTML or has another sum, or a line is not a name and 0, 1 or 2.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: {_CELEBA.file.remedy}")
    content = path.read_bytes()
    if is_page(content):
        raise ValueError(f"{path}: the server {PAGE}")
    reason = Expected(md5=sums.get(path.name)).differs(path)
    if reason:
        raise ValueError(f"{path} has {reason}: {_CELEBA.file.remedy}")
    listed: dict[str, list[str]] = {split: [] for split in _SPLITS}
    for number, line in enumerate(content.decode("ascii", errors="replace").splitlines(), start=1):
        words = line.split()
        if len(words) != 2 or words[1] not in ("0", "1", "2") or PurePosixPath(words[0]).name != words[0]:
            raise ValueError(f"{path}, line {number}: {line!r} is not the name of a picture and 0, 1 or 2")
        listed[_SPLITS[int(words[1])]].append(words[0])
    return listed


def check_pictures(folder: Path, names: Sequence[str]) -> None:
    """Make sure that `folder` holds the pictures `names`; an error that counts and names those it lacks."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: unpack {_CELEBA.file.name} beside {PARTITION}")
    held = {path.name for path in folder.iterdir()}
    missing = [name for name in names if name not in held]
    if missing:
        raise ValueError(
            f"{folder} lacks {len(missing)} of {len(names)} pictures, such as {missing[0]}: unpack "
            f"{_CELEBA.file.name} again, whose MD5 is {_CELEBA.file.md5}"
        )


@dataclass(frozen=True)
class ImagenetSelection:
    """Of the archive of ImageNet's validation pictures: each goes to the folder of its WordNet id."""

    folders: Mapping[str, str]  # name of a picture -> WordNet id

    def place(self, name: str) -> str | None:
        """`validation/<WordNet id>/<picture>`."""
        picture = PurePosixPath(name).name
        return f"validation/{self.folders[picture]}/{picture}" if picture in self.folders else None

    def written(self, place: str, path: Path) -> None:
        """Change nothing."""


def lay_out_imagenet(
    archive: Path, out: Path, *, labels: Path, ids: Path, expected: Expected | None = None
) -> int:
    """Make `out` of the archive of ImageNet's validation pictures: validation/<WordNet id>/<picture>.

    `labels`: ILSVRC2012_validation_ground_truth.txt of the devkit, a number from 1 to 1000 a line, in the
    devkit's own order. `ids`: a text file of the 1000 WordNet ids in that order, one a line. Models count
    classes in another one, that of the sorted ids, which is the order of the folders. `expected` stands for
    the published sum. Returns the number of pictures.

    Raises:
        ValueError: the archive is another one, damaged, or lacks pictures; or a list is another one.
    """
    folders = wordnet_folders(read_labels(labels), read_ids(ids))
    published = Expected(md5=_IMAGENET.file.md5, size=_IMAGENET.file.size)
    reason = (expected or published).differs(archive)
    if reason:
        raise ValueError(f"{archive} has {reason}: {_IMAGENET.file.remedy}")
    with folder_aside(out) as aside:
        with archive.open("rb") as stream:
            extracted = extract_tar(stream, aside, ImagenetSelection(folders))
        if extracted.files != len(folders):
            raise ValueError(f"{archive} has {extracted.files} pictures, but {labels} labels {len(folders)}")
    return extracted.files


def read_labels(path: Path) -> list[int]:
    """The label of every validation picture, from 1 to 1000 in the devkit's order; ValueError for others."""
    lines = path.read_text(encoding="ascii", errors="replace").split()
    for number, line in enumerate(lines, start=1):
        if not line.isdigit() or not 1 <= int(line) <= _CLASSES:
            raise ValueError(f"{path}, line {number}: {line!r} is no number from 1 to {_CLASSES}")
    return [int(line) for line in lines]


def read_ids(path: Path) -> list[str]:
    """The WordNet ids in the devkit's order; ValueError where they are not those, or in the models' order."""
    ids = path.read_text(encoding="ascii", errors="replace").split()
    if len(set(ids)) != _CLASSES or len(ids) != _CLASSES:
        raise ValueError(f"{path} has {len(set(ids))} different ids in {len(ids)} lines, not {_CLASSES}")
    if ids == sorted(ids):
        raise ValueError(f"{path} is sorted, as models count the classes: give the ids in the devkit's order")
    return ids


def wordnet_folders(labels: Sequence[int], ids: Sequence[str]) -> dict[str, str]:
    """Name of every validation picture -> WordNet id, of labels that count `ids` from 1."""
    return {
        f"ILSVRC2012_val_{number:08}.JPEG": ids[label - 1] for number, label in enumerate(labels, start=1)
    }
