"""What no input may do: take more memory or time than stated here, or end in an error that names nothing."""

import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

MEMORY = 2**30  # bytes beyond what the process has
SECONDS = 60  # of the clock: a busy machine is slow

NO_MEMORY = re.compile("allocate memory|out of memory", re.IGNORECASE)

Result = TypeVar("Result")


class TooLate(BaseException):
    """Not done in time: no error of any kind that a reader might take for that of a damaged file."""


@contextmanager
def bounded() -> Iterator[None]:
    """MemoryError for more memory, TooLate for more time."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, _late)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _late(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise TooLate(f"not done within {SECONDS} s")


def read_or_named(read: Callable[[], Result], *names: str) -> Result | None:
    """What `read` gives within the bounds; None where it says what is wrong, and names one of `names`."""
    try:
        with bounded():
            return read()
    except (ValueError, OSError) as error:
        if NO_MEMORY.search(str(error)):
            raise AssertionError(f"want of memory is told as damage: {error!r}") from error
        if any(name in str(error) for name in names):
            return None
        raise AssertionError(f"names none of {names}: {error!r}") from error
