"""How far a download is, now and then, and whether the disk has room for it."""

import errno
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

_UNITS = ("bytes", "kB", "MB", "GB", "TB")

logger = logging.getLogger(__name__)


def in_bytes(number: float) -> str:
    """A number of bytes in words: 104322767708 is 104.3 GB, in powers of 1000."""
    for unit in _UNITS:
        if number < 1000 or unit == _UNITS[-1]:
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"


def in_time(seconds: float) -> str:
    """A time in words, to the next smaller unit: 3700 seconds are 1 h 1 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Logs now and then how much of `total` bytes is there, how fast it comes, and when the rest will be."""

    def __init__(
        self,
        name: str,
        total: int | None,
        *,
        begun: int = 0,
        every: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begun` bytes of the file `name` were there before; `every` seconds a line is logged."""
        self._name, self._total, self._every, self._clock = name, total, every, clock
        self._count = self._logged_count = begun
        self._logged = clock()

    def add(self, count: int) -> None:
        """Note that `count` bytes more are there."""
        self._count += count
        now = self._clock()
        if now - self._logged >= self._every:
            logger.info("%s", self.line(now))
            self._logged, self._logged_count = now, self._count

    def line(self, now: float) -> str:
        """What there is to say at the time `now`; the rate is that since the last line."""
        rate = (self._count - self._logged_count) / max(now - self._logged, 1e-9)
        there, speed = f"{self._name}: {in_bytes(self._count)}", f"{in_bytes(rate)}/s"
        if self._total is None:
            return f"{there}, {speed}"
        left = in_time((self._total - self._count) / rate) if rate else "unknown time"
        share = f"{100 * self._count / max(self._total, 1):.0f} %"
        return f"{there} of {in_bytes(self._total)} ({share}), {speed}, {left} left"


def check_space(folder: Path, needed: int, *, purpose: str) -> None:
    """Make sure that the disk of `folder`, which need not be there, has room for `needed` bytes.

    OSError (ENOSPC) that says how much is needed, how much is free, and what to do.
    """
    held = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(held).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{purpose} needs {in_bytes(needed)}, but the disk of {held} has {in_bytes(free)} free: delete "
            f"{in_bytes(needed - free)} there, or work on another disk (--directory of Snakemake)",
        )
