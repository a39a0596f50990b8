"""Folders of recordings of one class each: utterances by speaker, notes by instrument, calls by animal.

root/{train,validation,test}/<class>/**/*.wav
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lass.data.audio.files import SUFFIXES
from lass.data.audio.recordings import Listing, Recording

LAYOUT = "<root>/<split>/<class>/**/*.wav, a folder per class with its recordings at any depth"


def find_recordings(folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Listing:
    """All recordings in the folders of `classes`, whose names are their paths in `folder` without suffix.

    The folder of a class has its name, or those names that `files` gives it.

    Raises:
        FileNotFoundError: no folder of a class.
        ValueError: a folder without recordings or of two classes, or recordings that differ in suffix alone.
    """
    found: dict[str, tuple[str, Path]] = {}  # name -> class, file
    for source_class in classes:
        for home in dict.fromkeys(folder / name for name in files.get(source_class, [source_class])):
            if not home.is_dir():
                raise FileNotFoundError(
                    f"{folder} has no folder {home.relative_to(folder).as_posix()!r} of class "
                    f"{source_class!r}: lay it out as {LAYOUT}"
                )
            paths = list(_audio_files(home))
            if not paths:
                raise ValueError(f"{home} has no audio file ({', '.join(SUFFIXES)}): lay it out as {LAYOUT}")
            for path in paths:
                name = path.relative_to(folder).with_suffix("").as_posix()
                if name in found:
                    raise ValueError(
                        f"{path} and {found[name][1]} are called alike, or of classes {source_class!r} and "
                        f"{found[name][0]!r} at once: remove one of them"
                    )
                found[name] = (source_class, path)
    recordings = (Recording(name, {kind: (path,)}) for name, (kind, path) in sorted(found.items()))
    return Listing(tuple(recordings))


def _audio_files(home: Path) -> Iterator[Path]:
    """The audio files below `home`, sorted; what is hidden, or in a hidden folder, is none."""
    for path in sorted(home.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(home).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
