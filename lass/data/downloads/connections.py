"""One request to a server: from which byte its answer begins, how long it is, and what was wrong with it."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from lass.data.downloads.expected import Expected

_BLOCK = 1 << 16
_TIMEOUT = 60.0  # seconds without an answer or a further byte
_RANGE_NOT_SATISFIABLE = 416
_WORTH_ANOTHER_TRY = (408, 425, 429)  # among the answers that put the blame on us
SOMETHING_NEW = 1 << 20
"""Bytes that an attempt has to bring so that it does not count as a failed one."""
_LONGEST_PAUSE = 300.0  # seconds that a server may ask us to wait
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body")  # what a page begins with, in small letters
PAGE = (
    "sent a page of HTML instead of the file: perhaps a quota is used up, or one has to log in or to "
    "confirm; open the address in a browser"
)


@dataclass(frozen=True)
class Patience:
    """How often an address is tried: `attempts` times in a row without anything new to show for it.

    Between them are pauses that begin with `wait` seconds and double.
    """

    attempts: int = 4
    wait: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def pause(self, failed: int, failure: "Failure") -> None:
        """Wait before the next attempt after `failed` ones, the last of which ended with `failure`."""
        self.sleep(max(self.wait * 2 ** (failed - 1), failure.pause))


class Failure(Exception):
    """An attempt that gave no file.

    `final` where the same address would only say the same again; `pause`: seconds that the server asks for.
    """

    def __init__(self, reason: str, *, final: bool = False, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.final = final
        self.pause = pause


class WrongPart(Failure):
    """What was fetched before cannot be continued: it has to be begun anew."""


@dataclass(frozen=True)
class Answer:
    """A server's answer whose bytes begin at `offset` of a file of `total` bytes (None: it does not say)."""

    response: Any
    offset: int
    total: int | None
    version: str | None  # what tells this state of the file from a later one; None: nothing does

    def blocks(self) -> Iterator[bytes]:
        """What the server sends. Errors of the connection are told from those of our disk, which go through.

        Failure where it breaks off, ends too soon, or is a page of HTML.
        """
        received = 0
        while True:
            try:
                # `read` would drop what came before an answer in chunks was cut
                block = self.response.read1(_BLOCK)
            except (OSError, HTTPException) as error:
                raise Failure(f"cut off ({error!r})") from error
            if not block:
                break
            if self.offset + received == 0 and is_page(block):
                raise Failure(PAGE, final=True)
            received += len(block)
            yield block
        if self.total is not None and self.offset + received < self.total:
            promised = self.total - self.offset
            raise Failure(f"cut off after {received} of {promised} bytes")


def is_page(block: bytes) -> bool:
    """Whether a file that begins with `block` is a page of HTML."""
    return block.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower().startswith(_PAGE)


def ask(url: str, offset: int, *, expected: Expected, version: str | None = None) -> Answer | None:
    """The answer to a request for the bytes of `url` from `offset` on; None where there are no more.

    Where the file is no longer in the state `version`, the server is asked to send it from the beginning; so
    the answer may begin at 0 in any case.

    Raises Failure, also where a file of that length, or a page, cannot be the expected one.
    """
    headers = {"User-Agent": "lass"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if version:
            headers["If-Range"] = version
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if offset and error.code == _RANGE_NOT_SATISFIABLE:
            _check_end(error.headers.get("Content-Range", ""), offset, expected)
            return None
        final = 300 <= error.code < 500 and error.code not in _WORTH_ANOTHER_TRY
        pause = _seconds(error.headers.get("Retry-After"))
        raise Failure(f"HTTP {error.code} {error.reason}", final=final, pause=pause) from error
    except ValueError as error:
        raise Failure(f"no address to fetch from ({error})", final=True) from error
    except (OSError, HTTPException) as error:
        raise Failure(f"no answer ({error})") from error
    try:
        return _read_head(response, url, offset, expected)
    except Failure:
        response.close()
        raise


def _check_end(place: str, offset: int, expected: Expected) -> None:
    """Tell a file that is all there from one that cannot be: by a sum later on, else by the server's word."""
    if not expected.sums and place != f"bytes */{offset}":
        raise WrongPart(f"has not the bytes from {offset} on ({place or 'no length stated'})")


def _read_head(response: Any, asked: str, offset: int, expected: Expected) -> Answer:
    headers = response.headers
    length = int(headers["Content-Length"]) if (headers["Content-Length"] or "").isdigit() else None
    place = headers.get("Content-Range", "")
    begin = offset if offset and getattr(response, "status", None) == 206 else 0
    if begin and not place.startswith(f"bytes {offset}-"):
        raise WrongPart(f"sent {place!r} when asked for the bytes from {offset} on")
    said = place.rpartition("/")[2]
    total = int(said) if begin and said.isdigit() else None if length is None else begin + length
    if expected.size is not None and total not in (None, expected.size):
        page = f"; it {PAGE}" if headers.get_content_type() == "text/html" else ""
        raise Failure(f"has {total} bytes, not {expected.size}{page}", final=True)
    told_apart = total is not None or getattr(response, "chunked", False)  # the end, from a break
    if not expected.sums and response.url.startswith("http://") and asked.startswith("https://"):
        raise Failure(
            f"leads to {response.url}, which anyone on the way can alter, and no sum is known", final=True
        )
    if not expected.sums and expected.size is None:
        if headers.get_content_type() == "text/html":
            raise Failure(PAGE, final=True)
        if not told_apart:
            reason = "states no length, and no sum is published: nothing would tell whether it is whole"
            raise Failure(reason, final=True)
    tag = headers.get("ETag", "")
    version = tag if tag.startswith('"') else headers.get("Last-Modified")
    return Answer(response, begin, expected.size if total is None else total, version)


def _seconds(text: str | None) -> float:
    """What Retry-After asks for, where it is a number of seconds and not a date."""
    return min(float(text), _LONGEST_PAUSE) if text and text.isdigit() else 0.0
