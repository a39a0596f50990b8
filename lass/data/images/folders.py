"""Folders of pictures: which files belong to which class, and how a picture becomes an image of the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lass.data.settings import PICTURE_SUFFIXES as SUFFIXES
from lass.data.splits import folder_of_split, part_of_split

LAYOUT = "<root>/<split>/<class>/*.png, or <root>/<split>/*.png where there is one class"
_MODES = {1: "L", 3: "RGB"}


def read_split(
    root: Path,
    *,
    split: str,
    image: tuple[int, int, int],
    classes: Sequence[str],
    files: Mapping[str, Sequence[str]],
    held_out: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [n, C, H, W] uint8 of the pictures of `split` and labels [n] int64, sorted by class and name.

    Where `root` has no folder `validation`, `held_out` pictures of train, evenly spread over the sorted list,
    are that split, and train is the rest. Errors as in `find_pictures` and `read_picture`.
    """
    colours, size, columns = image
    if size != columns:
        raise ValueError(f"images of {size} rows and {columns} columns: pictures are fitted into squares")
    folder = folder_of_split(root, split, held_out=held_out, layout=LAYOUT)
    pictures = part_of_split(find_pictures(folder, classes, files), root, split, held_out=held_out)
    pixels = np.stack([read_picture(path, size=size, colours=colours) for path, _ in pictures])
    return pixels, np.array([index for _, index in pictures])


def find_pictures(
    folder: Path, classes: Sequence[str], files: Mapping[str, Sequence[str]]
) -> list[tuple[Path, int]]:
    """The picture files of a split with the index of their class, sorted by class and name.

    Every class has a sub-folder of its name, or those that `files` gives it; where there is one class without
    a sub-folder, its pictures are in `folder`.

    Raises:
        FileNotFoundError: no such folder, or none of a class.
        ValueError: classes repeat or are none, or a class has no picture.
    """
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"classes {list(classes)} repeat or are none: name each class once")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: lay the pictures out as {LAYOUT}")
    pictures = []
    for index, source_class in enumerate(classes):
        homes = [folder / name for name in files.get(source_class, [source_class])]
        if len(classes) == 1 and source_class not in files and not homes[0].is_dir():
            homes = [folder]
        for home in homes:
            if not home.is_dir():
                raise FileNotFoundError(
                    f"{folder} has no folder {home.name!r} of class {source_class!r}: lay the pictures out "
                    f"as {LAYOUT}, or let `files` name the folders of the class"
                )
            found = sorted(path for path in home.iterdir() if _is_picture(path))
            if not found:
                raise ValueError(
                    f"{home} has no picture ({', '.join(SUFFIXES)}): lay the pictures out as {LAYOUT}"
                )
            pictures += [(path, index) for path in found]
    return pictures


def read_picture(path: Path, *, size: int, colours: int) -> np.ndarray:
    """The picture at `path` as uint8 [colours, size, size]: grey for 1 colour, red, green and blue for 3.

    The shorter side is resized to `size` without aliasing and the middle of the longer one is kept; a picture
    of that size already keeps its pixels. Transparent pixels become black, and a camera's note on how it was
    held is followed.

    Raises FileNotFoundError, and ValueError for a damaged file or a depth that no 8 bits can hold.
    """
    if colours not in _MODES or size < 1:
        raise ValueError(f"{colours} colours at size {size}: use 1 or 3 colours and a size of 1 or more")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such picture; check the path")
    try:
        with Image.open(path) as file:
            picture = _flattened(ImageOps.exif_transpose(file), _MODES[colours])
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: cannot be read as a picture ({error}); replace it or delete it") from error
    fitted = ImageOps.fit(picture, (size, size), method=Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(fitted).reshape(size, size, colours).transpose(2, 0, 1))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _flattened(picture: Image.Image, mode: str) -> Image.Image:
    """`picture` in `mode` with 8 bits per colour, on a black ground where it is transparent."""
    if picture.mode.startswith("I;16"):  # Pillow would cut everything above 255 off
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert(mode)
    if picture.mode in ("I", "F"):
        raise ValueError(f"its mode {picture.mode!r} has no 8 or 16 bits per colour: convert it first")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture)
    return picture.convert(mode)
