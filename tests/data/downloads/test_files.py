"""Downloads from a server that cuts the line, is busy, knows no ranges or sends something else."""

import gzip
import hashlib
import shutil
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lass.data.downloads import files
from lass.data.downloads.connections import Patience
from lass.data.downloads.expected import Expected
from lass.data.downloads.files import download
from tests.data.downloads.server import CONTENT, MD5, RAW, Server

OF_CONTENT = Expected(md5=MD5, of_content=True)
NOTHING_KNOWN = Expected()


class Fetch:
    """A download to tmp_path whose pauses are noted instead of waited for."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.path, self.server = folder / "new" / "file.gz", server
        self.pauses: list[float] = []

    def __call__(self, *behaviours: str, expected: Expected = OF_CONTENT, attempts: int = 4) -> None:
        urls = [self.server.url(behaviour) for behaviour in behaviours]
        patience = Patience(attempts=attempts, wait=0.5, sleep=self.pauses.append)
        download(urls, self.path, expected=expected, remedy="set it", patience=patience)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


@pytest.fixture
def fetch(tmp_path: Path, server: Server) -> Fetch:
    return Fetch(tmp_path, server)


def test_a_good_mirror(fetch: Fetch) -> None:
    fetch("good", "wrong")
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.names() == ["file.gz"]
    assert fetch.pauses == []
    fetch("good")
    assert len(fetch.server.asked) == 1, "what is there is not fetched again"


def test_the_checksum_is_that_of_the_content_however_packed(fetch: Fetch) -> None:
    fetch("raw")
    assert fetch.path.read_bytes() == RAW
    fetch.path.write_bytes(gzip.compress(RAW, compresslevel=1))
    fetch("good")
    assert len(fetch.server.asked) == 1


def test_a_wrong_file_at_the_place_is_replaced(fetch: Fetch) -> None:
    fetch.path.parent.mkdir()
    fetch.path.write_bytes(b"old")
    fetch("good")
    assert fetch.path.read_bytes() == CONTENT


def test_a_cut_connection_is_resumed(fetch: Fetch) -> None:
    fetch("cut")
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.server.ranges == [None, "bytes=60000-", "bytes=120000-"]
    assert fetch.pauses == [0.5, 1.0], "the pauses double"
    assert fetch.names() == ["file.gz"]


def test_another_run_goes_on_where_one_was_cut(fetch: Fetch) -> None:
    with pytest.raises(OSError, match=rf"cut off after 60000 of {len(CONTENT)} bytes \(1 attempts\)"):
        fetch("cut", attempts=1)
    (part,) = fetch.names()
    assert part.startswith(".file.gz.")
    assert part.endswith(".part")
    fetch("cut", attempts=2)
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.server.ranges[1:] == ["bytes=60000-", "bytes=120000-"]


def test_what_one_mirror_sent_is_not_continued_by_another(fetch: Fetch) -> None:
    with pytest.raises(OSError, match="cut off"):
        fetch("cut", attempts=1)
    fetch("gone", "good", "cut")
    assert fetch.server.asked[-1] == ("/good/file.gz", None)
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.names() == ["file.gz"], "the other mirror's part is gone, too"


@pytest.mark.parametrize("behaviour", ["deaf", "chunked"])
def test_a_server_that_sends_everything_again(fetch: Fetch, behaviour: str) -> None:
    fetch(behaviour)
    assert fetch.path.read_bytes() == CONTENT
    assert len(fetch.server.asked) == 2
    assert str(fetch.server.ranges[1]).startswith("bytes=")


def test_a_server_that_sends_another_range(fetch: Fetch) -> None:
    fetch("astray")
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.server.ranges == [None, "bytes=60000-", None]


def test_a_busy_server_is_asked_again(fetch: Fetch) -> None:
    fetch("busy")
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.pauses == [0.5, 1.0]


@pytest.mark.parametrize(("part", "requests"), [(CONTENT, 1), (CONTENT + b"more", 2), (b"other", 2)])
def test_a_part_that_cannot_be_continued(fetch: Fetch, part: bytes, requests: int) -> None:
    with pytest.raises(OSError, match="cut off"):
        fetch("cut", attempts=1)
    (name,) = fetch.names()
    place = fetch.path.with_name(name)
    good = files._part_of(fetch.path, fetch.server.url("good"))
    place.rename(good)
    good.write_bytes(part)
    fetch.server.asked.clear()
    fetch("good")
    assert fetch.path.read_bytes() == CONTENT
    assert len(fetch.server.asked) == requests


def test_wrong_bytes_send_to_the_next_mirror(fetch: Fetch) -> None:
    fetch("wrong", "page", "good")
    assert [path.split("/")[1] for path, _ in fetch.server.asked] == ["wrong", "page", "good"]
    assert fetch.pauses == [], "a mirror with other bytes is not asked twice"
    assert fetch.path.read_bytes() == CONTENT


def test_every_mirror_fails(fetch: Fetch) -> None:
    fetch.path.parent.mkdir()
    with pytest.raises(OSError, match="none of 6 addresses") as caught:
        fetch("wrong", "gone", "broken", "silent", "cut", "page", attempts=2)
    head, *rows = str(caught.value).splitlines()
    assert head == f"{fetch.path}: none of 6 addresses gave it with MD5 {MD5}; set it"
    wrong = hashlib.md5(b"something else").hexdigest()
    for row, behaviour, reason in zip(
        rows,
        ("wrong", "gone", "broken", "silent", "cut", "page"),
        (
            f"MD5 {wrong}, not {MD5}",
            "HTTP 404",
            "HTTP 503",
            "no answer",
            "cut off after 60000",
            "sent a page",
        ),
        strict=True,
    ):
        assert row.startswith(f"  {fetch.server.url(behaviour)}: {reason}")
    assert fetch.server.times("gone") == 1, "what is not there will not be there in a second"
    assert fetch.server.times("broken") == 2
    assert not fetch.path.exists()
    assert len(fetch.names()) == 1, "wrong bytes are deleted, a right beginning is kept"


def test_a_server_that_is_not_there(fetch: Fetch) -> None:
    addresses = ["http://127.0.0.1:9/file", "no address", "odd://place"]
    patience = Patience(attempts=2, sleep=fetch.pauses.append)
    with pytest.raises(OSError, match=r"no answer .*refused.*\(2 attempts\)\n  no address: no such file"):
        download(addresses, fetch.path, expected=OF_CONTENT, patience=patience)
    assert fetch.pauses[0] == 1.0


def test_a_gzip_file_that_is_not_whole(fetch: Fetch) -> None:
    cut = fetch.path.parent.parent / "cut.gz"
    cut.write_bytes(CONTENT[:5000])
    with pytest.raises(OSError, match="not a whole gzip file"):
        download([cut.as_uri()], fetch.path, expected=OF_CONTENT)


def test_errors_of_our_disk_are_not_the_addresses(fetch: Fetch) -> None:
    fetch.path.parent.mkdir()
    files._part_of(fetch.path, fetch.server.url("good")).mkdir()
    with pytest.raises(IsADirectoryError):
        fetch("good")


# --- what a server can do, and what nobody published ---


def test_a_redirect_is_followed_with_the_range_that_is_asked_for(fetch: Fetch) -> None:
    fetch("moved")
    assert [path for path, _ in fetch.server.asked] == ["/moved/file.gz", "/good/file.gz"]
    fetch.path.unlink()
    files._part_of(fetch.path, fetch.server.url("moved")).write_bytes(CONTENT[:70_000])
    fetch("moved")
    assert fetch.server.asked[-1] == ("/good/file.gz", "bytes=70000-")
    assert fetch.path.read_bytes() == CONTENT


def test_a_redirect_in_a_circle(fetch: Fetch) -> None:
    with pytest.raises(OSError, match=r"HTTP 302 .*infinite loop"):
        fetch("circle")
    assert fetch.names() == []


def test_a_server_says_how_long_to_wait(fetch: Fetch) -> None:
    fetch("later")
    assert fetch.pauses == [7.0, 7.0], "seconds of Retry-After instead of half a second and one"


def test_a_server_that_refuses_ranges_which_nobody_asked_for(fetch: Fetch) -> None:
    with pytest.raises(OSError, match=r"unwilling/file.gz: HTTP 416 [A-Za-z ]+$"):
        fetch("unwilling")
    assert fetch.server.times("unwilling") == 1


def test_a_page_leaves_what_was_there(fetch: Fetch) -> None:
    """A quota may be used up in the middle: what came before is worth keeping."""
    fetch.path.parent.mkdir()
    part = files._part_of(fetch.path, fetch.server.url("page"))
    part.write_bytes(CONTENT[:10])
    fetch.server.content = CONTENT
    with pytest.raises(OSError, match="quota"):
        fetch("page", expected=Expected(size=len(CONTENT), md5=MD5))
    assert part.read_bytes() == CONTENT[:10]
    assert not fetch.path.exists()


def test_a_length_that_is_too_great(fetch: Fetch) -> None:
    """The sum says that all is there, whatever the server promised."""
    fetch("longer")
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.server.ranges == [None, f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("behaviour", ["longer", "shorter"])
def test_a_length_that_is_not_the_published_one(fetch: Fetch, behaviour: str) -> None:
    with pytest.raises(OSError, match=rf"has {len(CONTENT)}|has \d+ bytes, not {len(CONTENT)}"):
        fetch(behaviour, expected=Expected(size=len(CONTENT)))
    assert fetch.server.times(behaviour) == 1
    assert fetch.names() == []


def test_a_length_that_is_too_small(fetch: Fetch) -> None:
    with pytest.raises(OSError, match="not a whole gzip file"):
        fetch("shorter")
    assert fetch.names() == []


def test_sums_of_the_file_as_sent(fetch: Fetch) -> None:
    sha256, md5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()
    fetch("raw", "good", expected=Expected(sha256=sha256, md5=md5, size=len(CONTENT)))
    assert fetch.path.read_bytes() == CONTENT
    fetch.path.unlink()
    with pytest.raises(OSError, match=f"SHA-256 {sha256}, not {'0' * 64}"):
        fetch("good", expected=Expected(sha256="0" * 64, md5=md5))
    with pytest.raises(OSError, match=f"MD5 {md5}, not {'0' * 32}"):
        fetch("good", expected=Expected(sha256=sha256, md5="0" * 32))
    assert fetch.names() == []


def test_a_sum_that_is_none() -> None:
    with pytest.raises(ValueError, match="SHA-256 'ABC' must be 64 digits from 0 to 9 and a to f"):
        Expected(sha256="ABC")


def test_without_a_published_sum_the_first_download_is_pinned(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch("good", expected=NOTHING_KNOWN)
    assert fetch.names() == ["file.gz", "file.gz.sha256"]
    digest = hashlib.sha256(CONTENT).hexdigest()
    pinned = fetch.path.with_name("file.gz.sha256")
    assert pinned.read_text() == f"{digest}  file.gz\n"
    assert (
        f"no sum is published, so nothing tells whether it is the right file. Its SHA-256 is {digest}"
        in caplog.text
    )
    fetch.path.unlink()
    with pytest.raises(
        OSError, match=rf"not {digest}, the sum of the first download.*delete that file to take"
    ):
        fetch("wrong", expected=NOTHING_KNOWN)
    assert fetch.names() == ["file.gz.sha256"]
    fetch("good", expected=NOTHING_KNOWN)
    assert fetch.path.read_bytes() == CONTENT
    pinned.write_text("what?")
    with pytest.raises(ValueError, match=r"file\.gz\.sha256: SHA-256 'what\?' must be .*delete it to pin"):
        fetch("good", expected=NOTHING_KNOWN)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [("endless", "states no length, and no sum"), ("page", "page of HTML"), ("typed", "page of HTML")],
)
def test_what_nothing_would_tell_from_the_file_is_not_pinned(
    fetch: Fetch, behaviour: str, message: str
) -> None:
    with pytest.raises(OSError, match=message):
        fetch(behaviour, expected=NOTHING_KNOWN)
    assert fetch.names() == []


def test_a_sum_speaks_for_a_file_of_no_length_or_another_type(fetch: Fetch) -> None:
    fetch("endless")
    fetch.path.unlink()
    fetch("typed")
    assert fetch.path.read_bytes() == CONTENT


def test_without_a_sum_only_the_same_state_of_a_file_is_continued(fetch: Fetch) -> None:
    with pytest.raises(OSError, match="cut off"):
        fetch("cut", expected=NOTHING_KNOWN)
    assert fetch.server.ranges == [None] * 4, (
        "nothing tells that it is still the same file: from the beginning"
    )
    with pytest.raises(OSError, match="cut off"):
        fetch("tagged", expected=NOTHING_KNOWN, attempts=1)
    fetch.server.content, fetch.server.tag = CONTENT[::-1], '"two"'
    with pytest.raises(OSError, match="cut off"):
        fetch("tagged", expected=NOTHING_KNOWN, attempts=1)
    assert fetch.server.versions[-1] == '"one"'
    fetch("tagged", expected=NOTHING_KNOWN)
    assert fetch.path.read_bytes() == CONTENT[::-1], "not the beginning of one and the end of the other"
    assert [name for name in fetch.names() if "version" in name or name[0] != "."] == [
        "file.gz",
        "file.gz.sha256",
    ], "no trace of the state"


def test_an_attempt_that_brings_much_is_no_failure(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SOMETHING_NEW", 50_000)
    fetch("cut", attempts=2)
    assert fetch.path.read_bytes() == CONTENT
    assert fetch.pauses == [0.5, 0.5], "each attempt is the first without success"


def test_a_file_that_the_user_has(fetch: Fetch, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.gz", tmp_path / "other.gz"
    mine.write_bytes(CONTENT)
    other.write_bytes(b"something else")
    with pytest.raises(OSError, match=rf"{other}: MD5 .*, not {MD5}"):
        download([str(other)], fetch.path, expected=OF_CONTENT)
    assert fetch.names() == []
    download([str(tmp_path / "none"), str(other), str(mine)], fetch.path, expected=OF_CONTENT)
    assert fetch.path.read_bytes() == mine.read_bytes() == CONTENT
    assert fetch.names() == ["file.gz"]


def test_a_disk_that_is_too_small(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(
        OSError, match=r"needs 150\.\d kB, but the disk of .* has 100\.0 kB free: delete 50\.\d kB"
    ):
        fetch("good", "wrong")
    assert len(fetch.server.asked) == 1, "another server makes the disk no larger"
    assert fetch.names() == []


def test_without_a_sum_no_secure_address_may_lead_to_an_insecure_one(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no server of https here: an opener that leads on stands for it."""
    real = urllib.request.urlopen

    def lead_on(request: urllib.request.Request, timeout: float) -> Any:
        return real(urllib.request.Request(request.full_url.replace("https", "http")), timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", lead_on)
    secure = fetch.server.url("good").replace("http", "https")
    with pytest.raises(OSError, match=r"leads to http://127.* anyone on the way can alter"):
        download([secure], fetch.path, expected=NOTHING_KNOWN)
    assert fetch.names() == []
    download([secure], fetch.path, expected=OF_CONTENT)
    assert fetch.path.read_bytes() == CONTENT
