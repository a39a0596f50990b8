"""IDX files (LeCun et al., 1998): arrays of bytes behind a header of big-endian integers."""

import math
from pathlib import Path

import numpy as np

from lass.data.compression import UNREADABLE, open_content

IMAGES = 2051  # unsigned bytes in three dimensions
LABELS = 2049  # unsigned bytes in one dimension
_REMEDY = "delete it and download it again"


def read_idx(path: Path, *, magic: int) -> np.ndarray:
    """The array of an IDX file of unsigned bytes, gzipped or not whatever its name says.

    `magic` is IMAGES for [n, rows, columns] or LABELS for [n].

    Raises:
        FileNotFoundError: no such file.
        ValueError: another magic number, or fewer or more bytes than the header's sizes ask for, or none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such IDX file; check the path, or download it")
    try:
        with open_content(path) as file:
            content = file.read()
    except UNREADABLE as error:
        raise ValueError(f"{path}: truncated or damaged gzip file ({error}); {_REMEDY}") from error
    found = int.from_bytes(content[:4], "big")
    if len(content) < 4 or found != magic:
        raise ValueError(
            f"{path}: magic number {found} in {len(content)} bytes, but {magic} is needed "
            f"({IMAGES} for images, {LABELS} for labels); {_REMEDY}"
        )
    header = 4 + 4 * (magic & 0xFF)  # the last byte of a magic number is the number of dimensions
    if len(content) < header:
        raise ValueError(f"{path}: truncated after {len(content)} of {header} bytes of header; {_REMEDY}")
    sizes = tuple(int(size) for size in np.frombuffer(content[4:header], dtype=">u4"))
    held, needed = len(content) - header, math.prod(sizes)
    if held != needed or not needed:
        fault = "truncated" if held < needed else "trailing bytes" if needed else "empty"
        raise ValueError(
            f"{path}: {fault}, {held} bytes of data where its sizes {sizes} ask for {needed}; {_REMEDY}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(sizes).copy()
