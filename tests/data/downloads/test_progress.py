"""What is said of a download while it runs, and of a disk before it begins."""

import errno
import logging
from pathlib import Path

import pytest

from lass.data.downloads.progress import Progress, check_space, in_bytes, in_time


def test_bytes_in_words() -> None:
    numbers = (0, 999, 1000, 882_818_115, 104_322_767_708, 5e15)
    words = ["0 bytes", "999 bytes", "1.0 kB", "882.8 MB", "104.3 GB", "5000.0 TB"]
    assert [in_bytes(number) for number in numbers] == words


def test_times_in_words() -> None:
    seconds = (0.4, 59.4, 60, 3569, 3600, 3700, 90_000)
    words = ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "1 h 2 min", "25 h 0 min"]
    assert [in_time(each) for each in seconds] == words


def test_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """By hand: 20 MB in the first 40 s are 0.5 MB/s, then 40 MB in 40 s; of 100 MB, 10 were there before."""
    now = 0.0
    progress = Progress("file", 100_000_000, begun=10_000_000, every=30, clock=lambda: now)
    with caplog.at_level(logging.INFO, logger="lass"):
        for _ in range(6):
            now += 20
            progress.add(10_000_000 if now <= 40 else 20_000_000)
            if now == 80:
                break
    assert caplog.messages == [
        "file: 30.0 MB of 100.0 MB (30 %), 500.0 kB/s, 2 min left",
        "file: 70.0 MB of 100.0 MB (70 %), 1.0 MB/s, 30 s left",
    ]


def test_lines_of_what_has_no_end_or_no_rate() -> None:
    assert Progress("file", None, clock=lambda: 0.0).line(1.0) == "file: 0 bytes, 0 bytes/s"
    assert Progress("file", 0, clock=lambda: 0.0).line(1.0).endswith("(0 %), 0 bytes/s, unknown time left")


def test_room_on_the_disk(tmp_path: Path) -> None:
    check_space(tmp_path / "not" / "there", 1, purpose="it")
    with pytest.raises(
        OSError, match=rf"^\[Errno \d+\] it needs 1000000\.0 TB, but the disk of {tmp_path} has"
    ) as caught:
        check_space(tmp_path / "not" / "there", 10**18, purpose="it")
    assert caught.value.errno == errno.ENOSPC
