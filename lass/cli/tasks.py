"""Which recordings are meant, where their sources go, and what is there already."""

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import soundfile

from lass.data.settings import AUDIO_SUFFIXES
from lass.writing import left_asides


class BusyError(ValueError):
    """Another process writes there."""


@dataclass(frozen=True)
class Task:
    """A recording that is to be separated, and where its sources go."""

    path: Path
    folder: Path

    def outputs(self, sources: list[str], form: str) -> dict[str, Path]:
        """Source -> the file that it is written to."""
        return {name: self.folder / f"{name}.{form}" for name in sources}


def recordings_of(inputs: list[str]) -> list[Path]:
    """The files that are meant: as named, those that a pattern matches, or the recordings of a folder.

    One that is meant twice is there once. FileNotFoundError or ValueError for a file that does not exist, a
    folder without recordings, or a pattern that matches none.
    """
    found: list[Path] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if _is_recording(each))
            if not inside:
                suffixes = ", ".join(AUDIO_SUFFIXES)
                raise ValueError(f"{path} has no recordings in it ({suffixes}): give another folder")
            found += inside
        elif not path.exists() and glob.has_magic(given):
            matched = sorted(Path(each) for each in glob.glob(given, recursive=True))  # noqa: PTH207
            recordings = [each for each in matched if _is_recording(each)]
            if not recordings:
                raise ValueError(f"{given} matches no recording: correct the pattern")
            found += recordings
        else:
            found.append(path)
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.absolute(), path)
    return list(once.values())


def _is_recording(path: Path) -> bool:
    """By its name; what is hidden is none, such as what macOS leaves beside every file on a USB stick."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def tasks_of(paths: list[Path], out: Path) -> list[Task]:
    """Where the sources of each of the recordings go: a folder of its name.

    ValueError where two of them have one name; some disks do not tell capitals from small letters.
    """
    folders: dict[str, Path] = {}
    for path in paths:
        name = _name_of(path).casefold()
        if name in folders:
            raise ValueError(
                f"{folders[name]} and {path} would both go to {out / _name_of(path)}: separate one of them "
                "with another --out"
            )
        folders[name] = path
    return [Task(path, out / _name_of(path)) for path in paths]


def _name_of(path: Path) -> str:
    """What the folder of a recording's sources is called; `...wav` is no way out of --out."""
    return path.name if path.stem in (".", "..") else path.stem


def is_done(outputs: dict[str, Path], comment: str) -> bool:
    """Whether the sources are there already, made from this recording in the way that `comment` tells.

    ValueError, naming the file, where something else is there.
    """
    there = [path for path in outputs.values() if path.exists()]
    if not there:
        return False
    if len(there) == len(outputs) and all(_comment_of(path) == comment for path in there):
        return True
    raise ValueError(
        f"{there[0]} is there already, made in another way: give --force to overwrite it, or another --out"
    )


def check_no_folders(outputs: dict[str, Path]) -> None:
    """ValueError where a folder stands in place of a file: that is never overwritten."""
    for path in outputs.values():
        if path.is_dir():
            raise ValueError(f"{path} is a folder: move it away, or choose another --out")


def _comment_of(path: Path) -> str:
    with suppress(soundfile.LibsndfileError), path.open("rb") as file, soundfile.SoundFile(file) as sound:
        return str(sound.comment)
    return ""


@contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """The folder, made, while nobody else writes sources there; without new empty folders where that fails.

    What a process that was killed has left there goes. ValueError where another process writes there;
    OSError where the folder cannot be made.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with folder_locked(folder):
            for left in left_asides(folder):
                left.unlink(missing_ok=True)
            yield
    except BusyError:
        raise  # and the folder is another's
    except BaseException:
        with suppress(OSError):  # the first that has something in it
            for each in new:
                each.rmdir()
        raise


@contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Hold `folder`; the system lets go of it when the process ends, however it does."""
    number = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another lass writes into {folder}: wait until it is done, or choose another --out"
            ) from None
        except OSError:
            pass  # a disk that knows no locks
        yield
    finally:
        os.close(number)
