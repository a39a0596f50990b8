"""Folders of recordings of one class each: utterances by speaker, notes by instrument, calls by animal.

root/{train,validation,test}/<class>/**/*.wav
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.audio.files import SUFFIXES
from lass.data.audio.folders import check_link, walk_audio
from lass.data.audio.recordings import Listing, Recording

LAYOUT = "<root>/<split>/<class>/**/*.wav, a folder per class with its recordings at any depth"


def find_recordings(folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Listing:
    """All recordings in the folders of `classes`, whose names are their paths in `folder` without suffix.

    The folder of a class has its name, or those names that `files` gives it. Recordings that differ in suffix
    alone, or are links that lead nowhere, are `damaged`.

    Raises:
        FileNotFoundError: no folder of a class.
        ValueError: a folder without recordings or of two classes.
    """
    found: dict[str, tuple[str, Path]] = {}  # name -> class, file
    damaged: dict[str, str] = {}
    for source_class in classes:
        for home in dict.fromkeys(folder / name for name in files.get(source_class, [source_class])):
            if not check_link(home).is_dir():
                raise FileNotFoundError(
                    f"{folder} has no folder {home.relative_to(folder).as_posix()!r} of class "
                    f"{source_class!r}: lay it out as {LAYOUT}"
                )
            paths = list(walk_audio(home))
            if not paths:
                raise ValueError(f"{home} has no audio file ({', '.join(SUFFIXES)}): lay it out as {LAYOUT}")
            for path in paths:
                name = path.relative_to(folder).with_suffix("").as_posix()
                other = found.get(name)
                if other is not None and other[1] == path:
                    raise ValueError(
                        f"{path} is of classes {source_class!r} and {other[0]!r} at once: give each "
                        "folders of its own"
                    )
                try:
                    check_link(path)
                except OSError as error:
                    damaged[name] = str(error)
                if other is not None:
                    damaged[name] = f"{other[1]} and {path} are called alike: take one of them away"
                found[name] = (source_class, path)
    recordings = (
        Recording(name, {kind: (path,)})
        for name, (kind, path) in sorted(found.items())
        if name not in damaged
    )
    return Listing(tuple(recordings), damaged=damaged)
