"""Packages of Debian, read without its tools and without running anything that is in them.

A package is an archive of Unix's `ar` (deb(5)): a version, what installs it, and a tar of its files.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

_MAGIC, _HEADER = b"!<arch>\n", 60
_OPEN: dict[str, Callable[[Any], Any]] = {
    "data.tar": lambda part: part,
    "data.tar.gz": lambda part: gzip.GzipFile(fileobj=part),
    "data.tar.bz2": bz2.BZ2File,
    "data.tar.xz": lzma.LZMAFile,
}
_DAMAGED = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


class _Part(io.RawIOBase):
    """The next `left` bytes of a file, as if they were a file of their own."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        super().__init__()
        self.file, self.left = file, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.file.read(min(len(buffer), self.left))
        buffer[: len(block)] = block
        self.left -= len(block)
        return len(block)


def read_members(package: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file of a package whose path is `wanted`, such as usr/share/doc/x/copyright.

    They come in the order of the package. Links are left out. The sum of the whole is checked at the end.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no package, is damaged or cut off, or is packed in a way that is not read.
    """
    with package.open("rb") as file:
        name, part = _find_data(package, file)
        try:
            plain = _OPEN[name](io.BufferedReader(part, 1 << 20))
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                for member in tar:
                    path = member.name.removeprefix("./")
                    if member.isreg() and wanted(path):
                        source = tar.extractfile(member)
                        assert source is not None, "as it is a file"
                        yield path, source.read()
            while plain.read(1 << 20):  # tarfile stops before the sum at the end
                pass
        except _DAMAGED as error:
            raise ValueError(f"{package} is damaged or cut off ({error}): fetch it again") from error


def _find_data(package: Path, file: IO[bytes]) -> tuple[str, _Part]:
    """The tar of the files of a package, and what it is called."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError(f"{package} is no package of Debian: fetch it again")
    while len(header := file.read(_HEADER)) == _HEADER:
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
        if header[58:] != b"`\n" or not size.isdigit():
            break
        if name in _OPEN:
            if file.tell() + int(size) > package.stat().st_size:
                break
            return name, _Part(file, int(size))
        if name.startswith("data.tar"):
            raise ValueError(
                f"{package} is packed as {name}, which is not read: take Debian's own, or pack it anew with "
                "dpkg-deb -Zxz"
            )
        file.seek(int(size) + int(size) % 2, io.SEEK_CUR)
    raise ValueError(f"{package} is damaged or cut off (it has no whole data.tar): fetch it again")
