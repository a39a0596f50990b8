"""Files and folders that are complete or absent, whatever kills who writes them; without numpy or torch."""

import errno
import os
import re
import shutil
import signal
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

_ASIDE = re.compile(r"\..+\.(\d+)-([0-9a-f]{8})\.(\w+)(\.[^.]*)?")
_DAY = 86_400.0  # seconds
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_swept: set[Path] = set()


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a hidden neighbour of `path` to write to; it becomes `path` if the block ends without error.

    Each process has a neighbour of its own, and what processes left that were killed goes. OSError, with the
    remedy, where there is no room or the folder must not be written to.
    """
    aside = aside_of(path)
    with explained(path, aside):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        try:
            yield aside
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def aside_of(path: Path, kind: str = "part") -> Path:
    """Where this process puts what will be, or was, the file or folder `path`."""
    return path.with_name(f".{path.stem}.{os.getpid()}-{_node()}.{kind}{path.suffix}")


def sweep(folder: Path) -> None:
    """Take away what processes that are gone left half-written in `folder`; once in the life of a process."""
    if folder in _swept:
        return
    _swept.add(folder)
    for path in left_asides(folder):
        with suppress(OSError):  # another process sweeps, too
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def left_asides(folder: Path, kind: str = "part") -> list[Path]:
    """What processes that are gone left in `folder`."""
    with os.scandir(folder) as entries:
        found = [(entry, _ASIDE.fullmatch(entry.name)) for entry in entries]
    return [
        Path(entry)
        for entry, match in found
        if match and match[3] == kind and _is_left(int(match[1]), match[2], entry)
    ]


def _is_left(process: int, node: str, entry: "os.DirEntry[str]") -> bool:
    """Whether who writes an entry is gone; of another machine, whether nothing was written for a day."""
    if node != _node():
        with suppress(OSError):
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _node() -> str:
    """A mark of this machine, and of the container in it: each counts processes for itself."""
    name = os.uname().nodename
    with suppress(OSError):  # a system that knows no such spaces
        name += str(Path("/proc/self/ns/pid").readlink())
    return f"{zlib.crc32(name.encode()):08x}"


@contextmanager
def explained(path: Path, aside: Path) -> Iterator[None]:
    """Say what to do where the system lets nothing be written."""
    try:
        yield
    except OSError as error:
        places = {str(path), str(aside), str(path.parent)}
        if error.errno in _FULL:
            left = room_left(path) if error.errno == errno.ENOSPC else ""
            raise OSError(
                error.errno,
                f"{path} cannot be written ({os.strerror(error.errno)}): free some room on its disk, and "
                f"start again{left}",
            ) from error
        if error.errno in _FORBIDDEN and error.filename is not None and str(error.filename) in places:
            raise OSError(
                error.errno,
                f"{path} cannot be written ({os.strerror(error.errno)}): get the permission to write into "
                f"{path.parent.absolute()}, and start again",
            ) from error
        raise


def room_left(path: Path) -> str:
    """The room on the disk of `path`, as the end of a message; nothing where nobody knows."""
    with suppress(OSError):
        return f" ({shutil.disk_usage(path.parent).free / 1e6:.1f} MB are left)"
    return ""


class Sink:
    """What a library writes to that does not say when there is no room: the system's error is kept here."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of `data`, or nothing more once something has failed."""
        left = memoryview(data)
        while left and self.failure is None:
            try:
                left = left[self._file.write(left) :]
            except OSError as error:
                self.failure = error
        return len(data) - len(left)

    def read(self, count: int = -1) -> bytes:
        """What stands there."""
        return self._file.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()


@contextmanager
def opened_sink(path: Path) -> Iterator[Sink]:
    """Yield a new file for a library to write to; OSError, in place of any other, where there was no room."""
    with path.open("w+b", buffering=0) as file:
        sink = Sink(file)
        try:
            yield sink
        finally:
            if sink.failure is not None:
                raise sink.failure from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is done.

    For libsndfile at work on a file of Python's: it swallows what is raised in between, and the signal would
    be lost, or what it interrupted. Other threads than the main one, which get no signals, go on as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: handler for number, handler in before.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda *what: came.append(what))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for sent, frame in came:
            ours[signal.Signals(sent)](sent, frame)
