"""Downloads that are verified, go on after an interruption, and turn to the next mirror where one fails."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from lass.data.compression import content_md5

_BLOCK = 1 << 16
_TIMEOUT = 60.0  # seconds without an answer or a further byte
_RANGE_NOT_SATISFIABLE = 416
_WORTH_ANOTHER_TRY = (408, 425, 429)  # among the answers that put the blame on us


class _Failure(Exception):
    """An attempt that gave no file; `final` where the same mirror would only say the same again."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def download(
    urls: Sequence[str],
    path: Path,
    *,
    md5: str,
    remedy: str = "check the connection, or fetch the file by hand",
    attempts: int = 4,
    wait: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Fetch the file at one of `urls`, tried in that order, to `path`, which appears verified or not at all.

    `md5` is that of the unpacked content: mirrors pack the same content differently. Nothing is fetched where
    `path` holds it already. What arrived before an interruption stays in a hidden neighbour of `path`, one
    for each URL, and is asked for no second time. Every mirror has `attempts`, with pauses between them that
    begin with `wait` seconds and double.

    Raises OSError that lists what each mirror did, with `remedy`.
    """
    if path.is_file() and content_md5(path) == md5:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in urls:
        part = _part_of(path, url)
        reason = _try_mirror(
            url, part, md5=md5, pauses=[wait * 2**n for n in range(attempts - 1)], sleep=sleep
        )
        if reason is None:
            part.replace(path)
            for other in urls:
                _part_of(path, other).unlink(missing_ok=True)
            return
        failures.append(f"  {url}: {reason}")
    raise OSError(
        f"{path}: none of {len(urls)} mirrors gave it with MD5 {md5}; {remedy}\n" + "\n".join(failures)
    )


def _part_of(path: Path, url: str) -> Path:
    """Where the beginning of what `url` sends is kept: another mirror's bytes may not be appended to it."""
    return path.with_name(f".{path.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def _try_mirror(
    url: str, part: Path, *, md5: str, pauses: Sequence[float], sleep: Callable[[float], None]
) -> str | None:
    """Fetch `url` to `part`; None where that holds what was asked for, else why it does not."""
    reason = ""
    for pause in (0.0, *pauses):
        if pause:
            sleep(pause)
        begun = _size(part) > 0
        try:
            _fetch(url, part)
        except _Failure as failure:
            reason = str(failure)
            if failure.final:
                return reason
            continue
        found = content_md5(part)
        if found == md5:
            return None
        part.unlink()
        reason = f"MD5 {found}, not {md5}" if found else "not a whole gzip file"
        if not begun:
            return reason
        # What was there before may have been the wrong part: this mirror is tried from the beginning.
    return f"{reason} ({1 + len(pauses)} attempts)"


def _fetch(url: str, part: Path) -> None:
    """Append to `part` what it lacks, or write it anew where the server sends everything."""
    offset = _size(part)
    response = _ask(url, offset)
    if response is None:
        return
    with response:
        resumed = offset > 0 and getattr(response, "status", None) == 206
        place = response.headers.get("Content-Range", "")
        if resumed and not place.startswith(f"bytes {offset}-"):
            part.unlink()
            raise _Failure(f"sent {place!r} when asked for the bytes from {offset} on")
        received = 0
        with part.open("ab" if resumed else "wb") as file:
            for block in _blocks(response):
                file.write(block)
                received += len(block)
        promised = response.headers.get("Content-Length")
    if promised is not None and received != int(promised):
        raise _Failure(f"cut off after {received} of {promised} bytes")


def _ask(url: str, offset: int) -> Any:
    """The answer to a request for the bytes from `offset` on; None where the server has no more."""
    headers = {"User-Agent": "lass"} | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if offset and error.code == _RANGE_NOT_SATISFIABLE:
            return None  # all of it is there, or too much: the checksum tells
        final = 400 <= error.code < 500 and error.code not in _WORTH_ANOTHER_TRY
        raise _Failure(f"HTTP {error.code} {error.reason}", final=final) from error
    except ValueError as error:
        raise _Failure(f"no address to fetch from ({error})", final=True) from error
    except (OSError, HTTPException) as error:
        raise _Failure(f"no answer ({error})") from error


def _blocks(response: Any) -> Iterator[bytes]:
    """What the server sends. Errors of the connection are told from those of our disk, which go through."""
    while True:
        try:
            block = response.read1(_BLOCK)  # `read` would drop what came before an answer in chunks was cut
        except (OSError, HTTPException) as error:
            raise _Failure(f"cut off ({error!r})") from error
        if not block:
            return
        yield block


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
