"""Folders of songs with one file per stem, told apart by their names: MUSDB18-HQ, and most people's.

root/{train,validation,test}/<song>/{drums,bass,...}.wav
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.audio.files import SUFFIXES
from lass.data.audio.folders import check_link, files_by_name, only_file, subfolders
from lass.data.audio.recordings import Listing, Recording

LAYOUT = "<root>/<split>/<song>/<class>.wav, one file per class of each song"


def find_recordings(folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Listing:
    """The songs in `folder` that have every class in `classes`.

    A class is the file of its own name, or those of the names that `files` gives it, as far as a song has
    them: in capitals or not, of any suffix in SUFFIXES. Songs with two files of one name, or a link that
    leads nowhere, are `damaged`. ValueError, naming the layout, where there is no song.
    """
    homes = subfolders(folder)
    if not homes:
        raise ValueError(f"{folder} has no folder of a song: lay it out as {LAYOUT}")
    songs, left_out, damaged = [], {}, {}
    for home in homes:
        try:
            stems = _find_stems(home, classes, files)
        except (ValueError, OSError) as error:
            damaged[home.name] = str(error)
            continue
        missing = [" or ".join(_names(name, files)) for name in classes if not stems[name]]
        if missing:
            left_out[home.name] = f"no audio file called {', '.join(missing)}{_strangers(home)}"
        else:
            songs.append(Recording(home.name, stems))
    return Listing(tuple(songs), left_out, damaged)


def _find_stems(
    home: Path, classes: Sequence[str], files: Mapping[str, Sequence[str]]
) -> dict[str, tuple[Path, ...]]:
    held = files_by_name(check_link(home))
    paths = {name: [only_file(held, stem) for stem in _names(name, files)] for name in classes}
    return {name: tuple(path for path in own if path is not None) for name, own in paths.items()}


def _names(name: str, files: Mapping[str, Sequence[str]]) -> list[str]:
    """What the files of class `name` are called, without repetition, capitals and suffix."""
    paths = [Path(stem.casefold()) for stem in files.get(name, [name])]
    return list(dict.fromkeys(path.stem if path.suffix in SUFFIXES else path.name for path in paths))


def _strangers(home: Path) -> str:
    """What else is in the folder of a song, for a message."""
    names = sorted(path.name for path in home.iterdir() if not path.name.startswith("."))
    return f" among {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else ""
