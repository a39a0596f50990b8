"""What the command says: errors in one line, and names that a terminal can show."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

OUTPUT, ERRORS = Console(highlight=False), Console(stderr=True, highlight=False)
MENDED = (OSError, ValueError, RuntimeError, ArithmeticError, MemoryError)
"""Errors that a user can mend."""
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")]

_ELSEWHERE = "choose another --out"
_REMEDIES = {
    errno.EACCES: "change its permissions, or give another path",
    errno.EPERM: "change its permissions, or give another path",
    errno.EROFS: _ELSEWHERE,
    errno.EEXIST: _ELSEWHERE,
    errno.ENOTDIR: "a file stands where a folder is needed: give another path",
    errno.ENAMETOOLONG: "give the recording a shorter name",
    errno.ENOSPC: f"make room, or {_ELSEWHERE}",
    errno.EDQUOT: f"make room, or {_ELSEWHERE}",
    errno.EFBIG: f"separate less of it with --start and --end, or {_ELSEWHERE}",
    errno.EIO: f"look at the disk, or {_ELSEWHERE}",
}


@contextmanager
def reported(debug: bool) -> Iterator[None]:
    """Turn errors in MENDED into one line and exit code 1; with `debug`, let them through."""
    try:
        yield
    except typer.Exit:  # which is a RuntimeError, too
        raise
    except MENDED as error:
        if debug:
            raise
        complain(one_line(error))
        raise typer.Exit(1) from None


def complain(line: str) -> None:
    """Print an error."""
    typer.secho(f"lass: {line}", err=True, fg="red")


def say(line: str, *, warning: bool = False) -> None:
    """Print a word to the user, where it does not mix with what is printed for machines."""
    typer.secho(line, err=True, fg="yellow" if warning else None)


def one_line(error: Exception) -> str:
    """What is wrong, in a line; of errors of the system with the file and the remedy."""
    if isinstance(error, OSError) and error.strerror:
        remedy = _REMEDIES.get(error.errno or 0, "")
        named = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return shown(f"{named}: {remedy}" if remedy else named)
    if isinstance(error, MemoryError):
        return "out of memory: close other programs, or give --preset fast"
    # Libraries indent the lines after the first; a newline with nothing behind it is one of a name.
    return shown(re.sub(r"\n\s+", " ", str(error))) or type(error).__name__


def shown(text: object) -> str:
    """The text in one line that a terminal can show: newlines and bytes that are no text are escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in str(text)
    )
