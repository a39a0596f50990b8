"""What a file must turn out to be: its published size and sums, or the sum of its first download."""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lass.data.compression import UNREADABLE, open_content
from lass.writing import written_aside

_BLOCK = 1 << 20
_LENGTHS = {"md5": 32, "sha256": 64}  # digits of a sum
_SHOWN = {"md5": "MD5", "sha256": "SHA-256"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expected:
    """Sums and size of a file; what is None is not known and not checked.

    `of_content`: the sums are of the unpacked content, whoever packed it and how; else of the file as sent.
    `size` is that of the file as sent, in bytes. `origin` says where the sums are from, for messages.
    """

    md5: str | None = None
    sha256: str | None = None
    size: int | None = None
    of_content: bool = False
    origin: str = ""

    def __post_init__(self) -> None:
        """ValueError for a sum that is none."""
        for name, digest in self.sums.items():
            if not re.fullmatch(f"[0-9a-f]{{{_LENGTHS[name]}}}", digest):
                raise ValueError(
                    f"{_SHOWN[name]} {digest!r} must be {_LENGTHS[name]} digits from 0 to 9 and a to f"
                )

    @property
    def sums(self) -> dict[str, str]:
        """Algorithm -> what it must give."""
        return {
            name: digest
            for name, digest in (("md5", self.md5), ("sha256", self.sha256))
            if digest is not None
        }

    def __str__(self) -> str:
        parts = [f"{_SHOWN[name]} {digest}" for name, digest in self.sums.items()]
        if self.size is not None:
            parts.append(f"{self.size} bytes")
        return " and ".join(parts) or "any content"

    def differs(self, path: Path) -> str | None:
        """Why the file at `path` is another one; None where it is as expected."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"{size} bytes, not {self.size}"
        tally = Tally(self.sums)
        try:
            with open_content(path) if self.of_content else path.open("rb") as file:
                while block := file.read(_BLOCK):
                    tally.add(block)
        except UNREADABLE:
            if not self.of_content:
                raise
            return "not a whole gzip file"
        return self.differs_from(tally)

    def differs_from(self, tally: "Tally") -> str | None:
        """Why what was counted is something else; None where the sums are those expected."""
        for name, digest in self.sums.items():
            found = tally.digest(name)
            if found != digest:
                return f"{_SHOWN[name]} {found}, not {digest}{self.origin}"
        return None


@dataclass
class Tally:
    """Sums of bytes that come one block after the other."""

    algorithms: Mapping[str, Any]
    _hashes: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no byte."""
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in self.algorithms}

    def add(self, block: bytes) -> None:
        """Count the next bytes."""
        for each in self._hashes.values():
            each.update(block)

    def digest(self, algorithm: str) -> str:
        """The sum so far, in hexadecimal digits."""
        return str(self._hashes[algorithm].hexdigest())


def pin_of(path: Path) -> Path:
    """The file beside `path` that holds the sum of its first download, as the tool sha256sum writes it."""
    return path.with_name(f"{path.name}.sha256")


def with_pin(expected: Expected, path: Path) -> Expected:
    """`expected`; where no sum is published, with the one of the first download to `path`, if there was one.

    ValueError where the file that holds it says nothing.
    """
    pin = pin_of(path)
    if expected.sums or not pin.is_file():
        return expected
    digest = pin.read_text(encoding="utf-8").split(" ")[0].strip()
    try:
        origin = f", the sum of the first download, which {pin} keeps: delete that file to take another one"
        return Expected(sha256=digest, size=expected.size, origin=origin)
    except ValueError as error:
        raise ValueError(f"{pin}: {error}; delete it to pin the next download") from None


def pin(expected: Expected, path: Path) -> None:
    """Keep the sum of the file at `path` beside it, where none is published: it has to stay the same."""
    if expected.sums:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with written_aside(pin_of(path)) as aside:
        aside.write_text(f"{digest}  {path.name}\n", encoding="utf-8")
    logger.warning(
        "%s: no sum is published, so nothing tells whether it is the right file. Its SHA-256 is %s; it is "
        "kept in %s, and later downloads must have the same",
        path,
        digest,
        pin_of(path).name,
    )
