"""Archives of unknown origin, unpacked: only what is wanted, and nothing outside of the folder."""

import gzip
import io
import logging
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol, cast

from lass.data.downloads.progress import check_space

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_END = bytes(512)  # a tar ends with blocks of zeros
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error)

logger = logging.getLogger(__name__)


class Selection(Protocol):
    """What of an archive is wanted, and where it goes."""

    def place(self, name: str) -> str | None:
        """Where the member `name` goes, relative to the folder; None where it is not wanted."""

    def written(self, place: str, path: Path) -> None:
        """What goes to `place` is at `path`: it may say what else is wanted. Files may be deleted."""


@dataclass(frozen=True)
class Everything:
    """Wants all members at their own places, or at those that a function gives them (None: not wanted)."""

    rename: Callable[[str], str | None] = str

    def place(self, name: str) -> str | None:
        """As the function says."""
        return self.rename(name)

    def written(self, place: str, path: Path) -> None:
        """Change nothing."""


@dataclass
class Extracted:
    """How much was written; files that a selection deleted later count, too."""

    files: int = 0
    bytes: int = 0


@dataclass
class _Target:
    """The folder that members are written to."""

    folder: Path
    selection: Selection
    extracted: Extracted = field(default_factory=Extracted)

    def path_of(self, name: str) -> Path | None:
        """Where a member goes; None where it is not wanted. ValueError where it would leave the folder."""
        _check_name(name)
        place = self.selection.place(str(PurePosixPath(name)))
        if place is None:
            return None
        _check_name(place)
        path = self.folder / place
        if path.parent.resolve() != self.folder.resolve() / PurePosixPath(place).parent:
            raise ValueError(f"member {name!r} lies behind a link: do not trust the archive")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, source: IO[bytes], size: int) -> None:
        """Write a member of `size` bytes, where it is wanted; ValueError where it has another size."""
        path = self.path_of(name)
        if path is None:
            return
        if path.is_symlink() or path.exists():
            raise ValueError(f"member {name!r} is there twice, as {path.name}: do not trust the archive")
        with path.open("xb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
            written = file.tell()
        if written != size:
            raise ValueError(f"member {name!r} has {written} bytes, not {size}, as the archive says")
        self.extracted.files += 1
        self.extracted.bytes += written
        self.selection.written(path.relative_to(self.folder).as_posix(), path)

    def link(self, name: str, target: str, *, hard: bool) -> None:
        """Write a link to `target`, a name in the archive, where both are wanted.

        ValueError where it would leave the folder, or leads to what is left out.
        """
        aim = target if hard else os.path.normpath(PurePosixPath(name).parent / target)
        if PurePosixPath(target).is_absolute() or PurePosixPath(aim).parts[:1] in ((), ("..",)):
            raise ValueError(f"member {name!r} is a link to {target!r}, out of the folder: do not trust it")
        path = self.path_of(name)
        if path is None:
            return
        place = self.path_of(aim)
        if place is None:
            raise ValueError(f"member {name!r} is a link to {target!r}, which is left out: take it, too")
        if hard and not place.is_file():
            raise ValueError(f"member {name!r} is a link to {target!r}, which is not there: fetch it again")
        if hard:
            os.link(place, path)
        else:
            path.symlink_to(os.path.relpath(place, path.parent))
        self.extracted.files += 1


def extract_tar(archive: io.BufferedReader, folder: Path, selection: Selection) -> Extracted:
    """Write what `selection` wants of a tar, packed with gzip or not, to `folder`; it is read once, in order.

    `archive` may be a connection: nothing is read twice, and all of it is read, so that its sum can be told.

    Raises:
        ValueError: it is damaged or cut off, or a member is no file or leaves the folder.
    """
    target = _Target(folder, selection)
    packed = archive.peek(2)[:2] == _GZIP
    stream = _Tail(cast(IO[bytes], gzip.GzipFile(fileobj=archive)) if packed else archive)
    with _damage_told():
        with tarfile.open(fileobj=cast(Any, stream), mode="r|") as tar:
            for member in tar:
                _extract_member(tar, member, target)
        while stream.read(_BLOCK):  # what pads the tar, and the sum at the end of gzip
            pass
    if stream.tail != _END:
        raise ValueError("the archive is cut off: it has no end; fetch it again")
    return target.extracted


def extract_zip(archive: Path, folder: Path, selection: Selection) -> Extracted:
    """Write what `selection` wants of a zip, which has to be a whole file, to `folder`.

    Raises:
        ValueError: it is damaged, or a member is no file or leaves the folder.
    """
    target = _Target(folder, selection)
    with _damage_told(), zipfile.ZipFile(archive) as held:
        needed = sum(each.file_size for each in held.infolist() if selection.place(each.filename))
        check_space(folder, needed, purpose=f"what is taken of {archive}")
        for member in held.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                _check_name(member.filename)
            elif kind == stat.S_IFLNK:
                target.link(member.filename, held.read(member).decode(), hard=False)
            elif kind not in (0, stat.S_IFREG):
                raise ValueError(f"member {member.filename!r} is no file or folder: do not trust the archive")
            else:
                with held.open(member) as source:
                    target.write(member.filename, source, member.file_size)
    return target.extracted


@contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """Yield an empty hidden neighbour of `folder`; it becomes `folder` if the block ends without error.

    What an earlier run left there is deleted: it begins anew. FileExistsError where `folder` is there and
    holds something.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is there and not empty: take it away to make it again")
    aside = folder.with_name(f".{folder.name}.part")
    if aside.exists():
        logger.warning("%s was left by a run that was broken off: it is deleted, and all begins anew", aside)
        shutil.rmtree(aside)
    aside.mkdir(parents=True)
    try:
        yield aside
        if folder.is_dir():
            folder.rmdir()
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: _Target) -> None:
    if member.isdir():
        _check_name(member.name)
    elif member.issym() or member.islnk():
        target.link(member.name, member.linkname, hard=member.islnk())
    elif not member.isreg():
        raise ValueError(f"member {member.name!r} is no file or folder: do not trust the archive")
    else:
        source = tar.extractfile(member)
        assert source is not None, "as it is a file"
        target.write(member.name, source, member.size)


def _check_name(name: str) -> None:
    """ValueError where a member's name leads out of the folder, on any system."""
    parts = PurePosixPath(name).parts
    drive = len(name) > 1 and name[1] == ":"
    if not name or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or drive:
        raise ValueError(f"member {name!r} leads out of the folder: do not trust the archive")


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ValueError(f"the archive is damaged or cut off ({error}): fetch it again") from error
    except RuntimeError as error:  # what zipfile says of a password
        raise ValueError(f"the archive cannot be unpacked ({error})") from error


class _Tail:
    """A stream that remembers the last block of 512 bytes that was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tail = b""

    def read(self, count: int = -1) -> bytes:
        """What comes next."""
        block = self._stream.read(count)
        self.tail = (self.tail + block)[-512:]
        return block
