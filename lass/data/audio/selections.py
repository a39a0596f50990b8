"""Which members of a public archive of songs are kept: the stems of the classes, each in its split."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lass.data.audio.files import SUFFIXES
from lass.data.audio.metadata import Stem, read_stems
from lass.data.programs import check_programs
from lass.data.sources import BABYSLAKH_SPLITS, MUSDB_VALIDATION

_METADATA = "metadata.yaml"
_TRACK = re.compile(r"Track\d+")
_SPLITS = ("train", "validation", "test")

logger = logging.getLogger(__name__)


class SlakhSelection:
    """Of an archive in Slakh's layout: each track's metadata.yaml, and the stems of the classes.

    Members may come in any order. Stems that come before their metadata.yaml are written, and deleted where
    it says that they are of another class. Of tracks that lack a class no stem is kept, as they are not used;
    of those whose metadata.yaml cannot be read or is not there all are, so that the reader says so.
    """

    def __init__(self, classes: Sequence[str], split_of: Callable[[Sequence[str]], str | None]) -> None:
        """`split_of` tells the split of a track by its parts of a path: folders above it, and its own.

        ValueError for a class that Slakh does not have.
        """
        check_programs(classes)
        self._classes, self._split_of = tuple(classes), split_of
        self._wanted: dict[str, set[str]] = {}  # <split>/<track> -> its stems that are wanted
        self._waiting: dict[str, list[Path]] = {}  # the same -> stems that are there, wanted or not

    def place(self, name: str) -> str | None:
        """`<split>/TrackNNNNN/...` of what may be wanted."""
        parts = PurePosixPath(name).parts
        depth = next((index for index, part in enumerate(parts) if _TRACK.fullmatch(part)), None)
        if depth is None:
            return None
        inner, split = parts[depth + 1 :], self._split_of(parts[: depth + 1])
        if split is None or not _is_metadata_or_stem(inner):
            return None
        track = f"{split}/{parts[depth]}"
        if inner != (_METADATA,) and not self._may_be_wanted(track, inner[1]):
            return None
        return "/".join((track, *inner))

    def written(self, place: str, path: Path) -> None:
        """Decide about a track's stems where its metadata.yaml has come; else remember the stem."""
        track = "/".join(PurePosixPath(place).parts[:2])
        if path.name != _METADATA:
            if track not in self._wanted:
                self._waiting.setdefault(track, []).append(path)
            return
        try:
            stems = read_stems(path)
        except (ValueError, OSError) as error:
            logger.warning("%s: all stems are kept, as nothing says which are wanted (%s)", track, error)
            return
        self._wanted[track] = wanted_stems(stems, self._classes)
        for stem in self._waiting.pop(track, []):
            if not self._may_be_wanted(track, stem.name):
                stem.unlink()

    def _may_be_wanted(self, track: str, stem: str) -> bool:
        wanted = self._wanted.get(track)
        return wanted is None or Path(stem).stem.casefold() in wanted


def wanted_stems(stems: Mapping[str, Stem], classes: Sequence[str]) -> set[str]:
    """Names, in small letters, of the stems of all `classes`; none where one class has no stem."""
    of_class = {
        name: {stem.casefold() for stem, entry in stems.items() if entry.belongs(name)} for name in classes
    }
    return set().union(*of_class.values()) if all(of_class.values()) else set()


def _is_metadata_or_stem(inner: Sequence[str]) -> bool:
    if len(inner) == 1:
        return inner[0] == _METADATA
    audio = Path(inner[-1]).suffix.lower() in SUFFIXES and not inner[-1].startswith(".")
    return len(inner) == 2 and inner[0] == "stems" and audio


def redux_split(parts: Sequence[str]) -> str | None:
    """The split of a track of Slakh2100-redux: the folder that it lies in; None of those in `omitted`."""
    return parts[-2] if len(parts) > 1 and parts[-2] in _SPLITS else None


def baby_split(parts: Sequence[str]) -> str | None:
    """The split of a track of BabySlakh, by its number."""
    number = parts[-1].removeprefix("Track")
    held = [split for split, tracks in BABYSLAKH_SPLITS.items() if number.isdigit() and int(number) in tracks]
    return held[0] if held else None


class StemsSelection:
    """Of an archive with a folder per song and a file per stem: the files of the classes.

    Songs of `train` that MUSDB_VALIDATION names become the split `validation`.
    """

    def __init__(self, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> None:
        """`files`: as the reader `stems` is told, the names of the files that a class is the sum of."""
        names = [stem for name in classes for stem in files.get(name, [name])]
        self._wanted = {name.casefold() for name in names}
        self._validation = {_plain(name) for name in MUSDB_VALIDATION}

    def place(self, name: str) -> str | None:
        """`<split>/<song>/<file>` of what is wanted."""
        parts = PurePosixPath(name).parts
        if len(parts) < 3 or parts[-3] not in _SPLITS:
            return None
        split, song, file = parts[-3:]
        path = Path(file.casefold())
        if path.suffix not in SUFFIXES or file.startswith(".") or not {path.name, path.stem} & self._wanted:
            return None
        if split == "train" and _plain(song) in self._validation:
            split = "validation"
        return f"{split}/{song}/{file}"

    def written(self, place: str, path: Path) -> None:
        """Change nothing."""


def _plain(song: str) -> str:
    """A song's name without regard to capitals and the kind of its dash."""
    return song.replace("\u2013", "-").casefold()
