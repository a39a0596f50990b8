"""Folders of songs with one file per stem, told apart by their names: MUSDB18-HQ, and most people's.

root/{train,validation,test}/<song>/{drums,bass,...}.wav
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.audio.files import SUFFIXES
from lass.data.audio.recordings import Listing, Recording

LAYOUT = "<root>/<split>/<song>/<class>.wav, one file per class of each song"


def find_recordings(folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Listing:
    """The songs in `folder` that have every class in `classes`.

    A class is the file of its own name, or those of the names that `files` gives it, as far as a song has
    them: in capitals or not, of any suffix in SUFFIXES; of two that differ in that alone, of the first there.
    ValueError, naming the layout, where there is no song.
    """
    homes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not homes:
        raise ValueError(f"{folder} has no folder of a song: lay it out as {LAYOUT}")
    songs, left_out = [], {}
    for home in homes:
        held = _files_by_name(home)
        stems = {name: tuple(held[stem] for stem in _names(name, files) if stem in held) for name in classes}
        missing = [" or ".join(_names(name, files)) for name in classes if not stems[name]]
        if missing:
            left_out[home.name] = f"no audio file called {', '.join(missing)}"
        else:
            songs.append(Recording(home.name, stems))
    return Listing(tuple(songs), left_out)


def _names(name: str, files: Mapping[str, Sequence[str]]) -> list[str]:
    """What the files of class `name` are called, without repetition, capitals and suffix."""
    paths = [Path(stem.casefold()) for stem in files.get(name, [name])]
    return list(dict.fromkeys(path.stem if path.suffix in SUFFIXES else path.name for path in paths))


def _files_by_name(home: Path) -> dict[str, Path]:
    """The audio files of a song by what they are called, without capitals and suffix."""
    found = [
        path
        for path in home.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    last_first = sorted(
        found, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name), reverse=True
    )
    return {path.stem.casefold(): path for path in last_first}
