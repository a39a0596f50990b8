"""Files that are read while they arrive, from servers that cut the line or send something else."""

import hashlib
import io
from pathlib import Path

import pytest

from lass.data.downloads import streams
from lass.data.downloads.connections import Patience
from lass.data.downloads.expected import Expected
from lass.data.downloads.streams import Incoming
from tests.data.downloads.server import CONTENT, PAGE, Server

EXPECTED = Expected(
    md5=hashlib.md5(CONTENT).hexdigest(), sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT)
)


class Reading:
    """Reads from a server, with pauses that are noted instead of waited for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.pauses: list[float] = []

    def __call__(self, *behaviours: str, expected: Expected = EXPECTED, attempts: int = 4) -> bytes:
        addresses = [self.server.url(each) if ":" not in each else each for each in behaviours]
        patience = Patience(attempts=attempts, wait=0.5, sleep=self.pauses.append)
        with io.BufferedReader(Incoming(addresses, expected, patience=patience)) as stream:
            content = stream.read()
            assert isinstance(stream.raw, Incoming)
            stream.raw.finish()
        return content

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        return [(path.split("/")[1], asked) for path, asked in self.server.asked]


@pytest.fixture
def reading(server: Server) -> Reading:
    return Reading(server)


def test_a_good_server(reading: Reading) -> None:
    assert reading("good", "wrong") == CONTENT
    assert reading.asked == [("good", None)]


def test_what_is_not_read_counts_for_the_sum(server: Server) -> None:
    with Incoming([server.url("good")], EXPECTED) as stream:
        assert stream.read(10) == CONTENT[:10]
        stream.finish()


def test_a_broken_line_is_gone_on_with(reading: Reading) -> None:
    assert reading("cut") == CONTENT
    assert reading.asked == [("cut", None), ("cut", "bytes=60000-"), ("cut", "bytes=120000-")]
    assert reading.pauses == [0.5, 1.0]


@pytest.mark.parametrize("behaviour", ["deaf", "astray", "chunked"])
def test_servers_that_send_all_of_it_again_or_another_range(reading: Reading, behaviour: str) -> None:
    assert reading(behaviour) == CONTENT
    assert len(reading.asked) >= 2


def test_another_address_goes_on_where_one_has_ended(reading: Reading) -> None:
    assert reading("cut", "gone", "deaf", "good", attempts=1) == CONTENT
    assert [name for name, _ in reading.asked] == ["cut", "gone", "deaf", "good"]
    assert reading.asked[-1] == ("good", "bytes=60000-")


def test_progress_makes_new_attempts(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SOMETHING_NEW", 50_000)
    assert reading("cut", attempts=2) == CONTENT


def test_busy_servers_and_redirects(reading: Reading) -> None:
    assert reading("later") == CONTENT
    assert reading.pauses == [7.0, 7.0]
    assert reading("moved") == CONTENT


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("gone", "HTTP 404"),
        ("broken", "HTTP 503"),
        ("silent", "no answer"),
        ("longer", r"has \d+ bytes, not"),
        ("shorter", r"has \d+ bytes, not"),
        ("unwilling", "HTTP 416"),
        ("page", r"has \d+ bytes, not \d+; it sent a page of HTML"),
    ],
)
def test_servers_that_give_nothing(reading: Reading, behaviour: str, message: str) -> None:
    with pytest.raises(OSError, match=rf"0 bytes came.*start again\n  .*/{behaviour}/file.gz: {message}"):
        reading(behaviour)


def test_a_page_of_the_right_length(reading: Reading) -> None:
    expected = Expected(sha256="0" * 64, size=len(PAGE))
    with pytest.raises(OSError, match="quota"):
        reading("page", expected=expected)


def test_wrong_bytes_are_told_at_the_end(reading: Reading) -> None:
    with pytest.raises(OSError, match=r"SHA-256 \w+, not 0+; all that was made of it is deleted"):
        reading("good", expected=Expected(sha256="0" * 64))


def test_an_end_that_comes_too_soon_without_a_length(reading: Reading) -> None:
    """The published size alone tells; the rest is asked for until the server says that there is none."""
    expected = Expected(md5=EXPECTED.md5, size=len(CONTENT) + 7)
    with pytest.raises(OSError, match=rf"{len(CONTENT)} bytes, not {len(CONTENT) + 7}"):
        reading("endless", expected=expected)


def test_without_a_sum_nothing_is_read(server: Server) -> None:
    with pytest.raises(ValueError, match=r"without a published sum .* download it as a whole"):
        Incoming([server.url("good")], Expected(size=len(CONTENT)))
    assert server.asked == []


def test_a_file_of_the_user(reading: Reading, tmp_path: Path) -> None:
    mine, short = tmp_path / "mine:1", tmp_path / "short:1"
    mine.write_bytes(CONTENT)
    short.write_bytes(CONTENT[:-1])
    assert reading(str(mine)) == CONTENT
    with pytest.raises(OSError, match=rf"none:1: cannot be opened .*\n.*short:1: {len(CONTENT) - 1} bytes"):
        reading(str(tmp_path / "none:1"), str(short))
    assert reading.asked == []
