"""IDX files: an array written out by hand, packed or not, and every way in which a file can be wrong."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from lass.data.images.idx import IMAGES, LABELS, read_idx
from tests.data.images.idx_files import idx_bytes

TWO_IMAGES = bytes.fromhex("00000803 00000002 00000002 00000003") + bytes(range(12))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_an_array_by_hand(tmp_path: Path, packed: bool, name: str) -> None:
    path = tmp_path / name  # the name says nothing about the content
    path.write_bytes(gzip.compress(TWO_IMAGES, mtime=0) if packed else TWO_IMAGES)
    images = read_idx(path, magic=IMAGES)
    assert images.dtype == np.uint8
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    images[0] = 0  # the array can be written to
    path.write_bytes(idx_bytes(np.array([7, 2, 1], dtype=np.uint8)))
    assert read_idx(path, magic=LABELS).tolist() == [7, 2, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "magic number 0 in 0 bytes"),
        (TWO_IMAGES[:3], r"in 3 bytes"),
        (b"<!DOCTYPE html>", r"magic number \d+ in 15 bytes, but 2051 is needed"),
        (idx_bytes(np.zeros(9, dtype=np.uint8)), "magic number 2049 in 17 bytes, but 2051 is needed"),
        (TWO_IMAGES[:10], "truncated after 10 of 16 bytes of header"),
        (TWO_IMAGES[:16], r"truncated, 0 bytes of data where its sizes \(2, 2, 3\) ask for 12"),
        (TWO_IMAGES[:-1], r"truncated, 11 bytes of data where its sizes \(2, 2, 3\) ask for 12"),
        (TWO_IMAGES + b"\0", "trailing bytes, 13 bytes of data where"),
        (TWO_IMAGES[:4] + b"\xff" * 12 + bytes(12), r"truncated, 12 bytes of data .*4294967295"),
        (TWO_IMAGES[:4] + bytes(12), "empty, 0 bytes of data"),
        (gzip.compress(TWO_IMAGES, mtime=0)[:-9], "truncated or damaged gzip file"),
        (gzip.compress(TWO_IMAGES, mtime=0)[:5], "truncated or damaged gzip file"),
        (gzip.compress(TWO_IMAGES, mtime=0)[:-8] + bytes(8), "truncated or damaged gzip file"),
        (gzip.compress(TWO_IMAGES, mtime=0) + b"more", "truncated or damaged gzip file"),
        (gzip.compress(TWO_IMAGES[:-2], mtime=0), "truncated, 10 bytes of data"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images.idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"images\.idx: .*{message}.*; delete it and download it again"):
        read_idx(path, magic=IMAGES)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such IDX file"):
        read_idx(tmp_path / "nowhere", magic=LABELS)
