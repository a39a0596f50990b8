"""Files that are read while they arrive, so that an archive need not be stored: verified at their end."""

import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from lass.data.downloads.connections import SOMETHING_NEW, Failure, Patience, WrongPart, ask
from lass.data.downloads.expected import Expected, Tally
from lass.data.downloads.files import is_path
from lass.data.downloads.progress import Progress

_BLOCK = 1 << 20

logger = logging.getLogger(__name__)


class Incoming(io.RawIOBase):
    """The bytes of a file at one of several addresses, in order, each once.

    Where the connection breaks, the file is asked for from that place on, at the same address and then at
    the next; a server that knows no ranges sends again what is there, which is passed over. So what is read
    may come from several addresses, and only `finish` says whether it is the file that is expected. Until
    then nothing that was made of it may be trusted. Nothing outlives the process: the next one begins anew.
    """

    def __init__(
        self, addresses: Sequence[str], expected: Expected, *, patience: Patience | None = None
    ) -> None:
        """Begin to read. ValueError where no sum is expected, as nothing would tell a wrong file."""
        super().__init__()
        if not expected.sums:
            raise ValueError(
                "a file without a published sum cannot be read while it arrives: download it as a whole"
            )
        self._addresses, self._expected, self._patience = list(addresses), expected, patience or Patience()
        self._tally, self._count, self._asked_from = Tally(expected.sums), 0, 0
        self._failed, self._failures = 0, dict.fromkeys(self._addresses, "")
        self._ranges = True  # whether the server sends the range that it is asked for
        self._blocks: Iterator[bytes] | None = None
        self._response: Any = None
        self._rest = b""
        self._ended = False
        self._progress: Progress | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what comes next; 0 at the end. OSError where no address has more."""
        while not self._rest and not self._ended:
            try:
                self._rest = self._next_block()
            except Failure as failure:
                self._recover(failure)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def finish(self) -> None:
        """Read what is left and check all that was read; OSError where it is not what is expected."""
        while self.read(_BLOCK):
            pass
        reason = self._expected.differs_from(self._tally)
        size = self._expected.size
        if size is not None and self._count != size:
            reason = f"{self._count} bytes, not {size}"
        if reason:
            raise OSError(f"{', '.join(self._addresses)}: {reason}; all that was made of it is deleted")

    def close(self) -> None:
        """Hang up."""
        self._hang_up()
        super().close()

    def _next_block(self) -> bytes:
        if self._blocks is None:
            self._blocks = self._connect(self._addresses[0])
        block = next(self._blocks, None)
        if block is None:
            self._ended = True
            self._hang_up()
            return b""
        self._tally.add(block)
        self._count += len(block)
        if self._progress is not None:
            self._progress.add(len(block))
        return block

    def _connect(self, address: str) -> Iterator[bytes]:
        """The blocks of what is at `address`, from the place on that has been reached."""
        self._asked_from = self._count
        if is_path(address):
            return self._open(Path(address).expanduser())
        answer = ask(address, self._count if self._ranges else 0, expected=self._expected)
        if answer is None:
            return iter(())
        self._response = answer.response
        self._progress = Progress(address.rpartition("/")[2], answer.total, begun=self._count)
        return _without(answer.blocks(), self._count - answer.offset)

    def _open(self, path: Path) -> Iterator[bytes]:
        try:
            self._response = file = path.open("rb")
        except OSError as error:
            raise Failure(f"cannot be opened ({error.strerror})", final=True) from error
        size = path.stat().st_size
        if self._expected.size is not None and size != self._expected.size:
            raise Failure(f"{size} bytes, not {self._expected.size}", final=True)
        file.seek(self._count)
        self._progress = Progress(path.name, size, begun=self._count)
        return _blocks_of(file)

    def _recover(self, failure: Failure) -> None:
        """Wait, or turn to the next address; OSError where there is none that is worth a try."""
        self._hang_up()
        address = self._addresses[0]
        self._failures[address] = str(failure)
        self._ranges = not isinstance(failure, WrongPart)
        self._failed = 1 if self._count - self._asked_from >= SOMETHING_NEW else self._failed + 1
        self._asked_from = self._count
        if failure.final or self._failed >= self._patience.attempts:
            self._addresses.pop(0)
            self._failed = 0
            if not self._addresses:
                rows = [f"  {name}: {reason}" for name, reason in self._failures.items()]
                begun = f"{self._count} bytes came, but it cannot go on from there in another run"
                raise OSError("\n".join([f"no address gives the file; {begun}: start again", *rows]))
        else:
            logger.info("%s: %s after %d bytes; asking for the rest", address, failure, self._count)
            self._patience.pause(self._failed, failure)

    def _hang_up(self) -> None:
        self._blocks = None
        if self._response is not None:
            self._response.close()
            self._response = None


def _without(blocks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The blocks less their first `count` bytes."""
    for block in blocks:
        kept = block[count:]
        count -= len(block) - len(kept)
        if kept:
            yield kept


def _blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block
