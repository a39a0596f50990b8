"""Downloads that are verified, go on after an interruption, and turn to the next address where one fails."""

import hashlib
import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from lass.data.downloads.connections import SOMETHING_NEW, Answer, Failure, Patience, WrongPart, ask
from lass.data.downloads.expected import Expected, pin, with_pin
from lass.data.downloads.progress import Progress, check_space


def download(
    addresses: Sequence[str],
    path: Path,
    *,
    expected: Expected,
    remedy: str = "check the connection, or fetch the file by hand",
    patience: Patience | None = None,
) -> None:
    """Fetch the file at one of `addresses`, tried in that order; `path` appears verified or not at all.

    An address is a URL, or the path of a file that is there already: that is verified, and copied. Nothing
    is fetched where `path` is as `expected`. Where no sum is published, that of the first download is kept in
    a file beside `path`, and holds from then on. What arrived before an interruption stays in a hidden
    neighbour of `path`, one for each address, and is asked for no second time.

    Raises:
        OSError: no address gave the file, listing what each did, with `remedy`; or the disk is too small.
    """
    expected, patience = with_pin(expected, path), patience or Patience()
    if path.is_file() and expected.differs(path) is None:
        pin(expected, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for address in addresses:
        part = _part_of(path, address)
        reason = _try_address(address, part, expected=expected, patience=patience)
        if reason is None:
            part.replace(path)
            pin(expected, path)
            _forget(path, addresses)
            return
        failures.append(f"  {address}: {reason}")
    raise OSError(
        f"{path}: none of {len(addresses)} addresses gave it with {expected}; {remedy}\n"
        + "\n".join(failures)
    )


def is_path(address: str) -> bool:
    """Whether an address is the path of a file, not a URL."""
    return "://" not in address


def _part_of(path: Path, address: str) -> Path:
    """Where the beginning of what `address` sends is kept: another one's bytes may not be appended to it."""
    return path.with_name(f".{path.name}.{hashlib.sha256(address.encode()).hexdigest()[:8]}.part")


def _version_of(part: Path) -> Path:
    """Where it is kept which state of the server's file a part is the beginning of."""
    return part.with_suffix(".version.part")


def _forget(path: Path, addresses: Sequence[str]) -> None:
    for address in addresses:
        part = _part_of(path, address)
        part.unlink(missing_ok=True)
        _version_of(part).unlink(missing_ok=True)


def _try_address(address: str, part: Path, *, expected: Expected, patience: Patience) -> str | None:
    """Bring what is at `address` to `part`; None where that is the expected file, else why it is not."""
    if is_path(address):
        return _copy(Path(address).expanduser(), part, expected)
    failed = 0
    while True:
        begun = _size(part)
        try:
            _fetch(address, part, expected)
        except Failure as failure:
            if isinstance(failure, WrongPart):
                part.unlink(missing_ok=True)
            if failure.final:
                return str(failure)
            failed = 1 if _size(part) - begun >= SOMETHING_NEW else failed + 1
            if failed >= patience.attempts:
                return f"{failure} ({failed} attempts)"
            patience.pause(failed, failure)
            continue
        reason = expected.differs(part)
        if reason is None:
            return None
        part.unlink()
        failed += 1
        if not begun or failed >= patience.attempts:
            return reason
        # What was there before may have been the wrong part: this address is tried from the beginning.
        patience.pause(failed, Failure(reason))


def _copy(given: Path, part: Path, expected: Expected) -> str | None:
    """Copy a file that the user has, where it is the one that is expected; else why it is not."""
    if not given.is_file():
        return "no such file"
    reason = expected.differs(given)
    if reason is None:
        check_space(part.parent, given.stat().st_size, purpose=f"a copy of {given}")
        shutil.copyfile(given, part)
        reason = expected.differs(part)
    return reason


def _fetch(url: str, part: Path, expected: Expected) -> None:
    """Append to `part` what it lacks, or write it anew where the server sends everything."""
    offset, version = _size(part), _read_version(part)
    if offset and not version and not expected.sums:
        offset = 0  # nothing would tell whether the server still has the same file
    answer = ask(url, offset, expected=expected, version=version)
    if answer is None:
        return
    with answer.response:
        if answer.total is not None:
            check_space(part.parent, answer.total - answer.offset, purpose=f"the rest of {url}")
        progress = Progress(url.rpartition("/")[2], answer.total, begun=answer.offset)
        blocks = answer.blocks()
        first = next(blocks, b"")  # before what is there gives way to it: it may be a page
        _write_version(part, answer)
        with part.open("ab" if answer.offset else "wb") as file:
            for block in chain([first], blocks):
                file.write(block)
                progress.add(len(block))


def _read_version(part: Path) -> str | None:
    path = _version_of(part)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write_version(part: Path, answer: Answer) -> None:
    path = _version_of(part)
    if answer.version:
        path.write_text(answer.version, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
