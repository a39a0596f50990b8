"""What is in a folder of recordings: audio files in capitals or not, and links that lead nowhere."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lass.data.audio.files import SUFFIXES


def is_audio(path: Path) -> bool:
    """Whether `path` is called as an audio file is, and not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def check_link(path: Path) -> Path:
    """`path`; FileNotFoundError where it is a link whose target is not there."""
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(
            f"{path} is a link to {path.readlink()}, which is not there: mend the link, mount its disk, or "
            "take it away"
        )
    return path


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted, and links that lead nowhere; what is hidden is none."""
    paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in paths if path.is_dir() or (path.is_symlink() and not path.exists()))


def files_by_name(home: Path) -> dict[str, list[Path]]:
    """The audio files of `home` by name, without capitals and suffix; also links that lead nowhere."""
    found: dict[str, list[Path]] = {}
    for path in sorted(check_link(home).iterdir()):
        if is_audio(path) and not path.is_dir():
            found.setdefault(path.stem.casefold(), []).append(path)
    return found


def only_file(held: Mapping[str, Sequence[Path]], name: str) -> Path | None:
    """The file called `name` of those that `files_by_name` found; None where there is none.

    Raises:
        FileNotFoundError: it is a link that leads nowhere.
        ValueError: two are called so.
    """
    paths = held.get(name.casefold(), [])
    if len(paths) > 1:
        raise ValueError(f"{paths[0]} and {paths[1]} are both called {name!r}: take one of them away")
    return check_link(paths[0]) if paths else None


def walk_audio(home: Path) -> Iterator[Path]:
    """The audio files below `home`, also behind links to folders, but none in what is hidden.

    Links that lead nowhere are among them where they are called as audio files or have no suffix, as folders
    have none. OSError where a folder cannot be read.
    """
    for folder, folders, names in os.walk(home, followlinks=True, onerror=_raise):
        folders[:] = sorted(name for name in folders if _is_walked(folder, name))
        for name in sorted(names):
            path = Path(folder, name)
            lost = path.is_symlink() and not path.exists() and not path.suffix and name[0] != "."
            if is_audio(path) or lost:
                yield path


def _is_walked(folder: str, name: str) -> bool:
    """Whether a folder is neither hidden nor a link to one that holds it."""
    path = Path(folder, name)
    if name.startswith("."):
        return False
    return not path.is_symlink() or not Path(folder).resolve().is_relative_to(path.resolve())


def _raise(error: OSError) -> None:
    raise error
