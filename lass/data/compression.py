"""Files that may be packed with gzip, whatever they are called."""

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading from `open_content` raises where the packed bytes are cut off or damaged."""

_GZIP = b"\x1f\x8b"  # no IDX file begins with these two bytes


def open_content(path: Path) -> IO[bytes]:
    """The content of the file at `path`, unpacked where its first bytes are those of gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")
