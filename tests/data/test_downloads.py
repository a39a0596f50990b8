"""Downloads from a server that cuts the line, is busy, knows no ranges or sends something else."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lass.data import downloads
from lass.data.downloads import download

RAW = np.random.default_rng(0).integers(0, 256, 150_000, dtype=np.uint8).tobytes()  # several blocks
CONTENT = gzip.compress(RAW)
MD5 = hashlib.md5(RAW).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers by the first folder of the path; `asked` are the paths with the ranges asked for, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/file.gz"

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.asked]

    def times(self, behaviour: str) -> int:
        return sum(path.split("/")[1] == behaviour for path, _ in self.asked)


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first folder of the path says.

    good; cut: every answer after 60,000 bytes; busy: two times; broken; gone; silent: hangs up; wrong: sends
    another file; page: one that is not packed; raw: the right one, not packed. The first answer of these is
    cut: deaf, which knows no ranges; astray, which sends another range than asked; chunked, which states no
    length.
    """

    server: Server

    def do_GET(self) -> None:
        behaviour, asked = self.path.split("/")[1], self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        times = self.server.times(behaviour)
        content = {"wrong": gzip.compress(b"something else"), "raw": RAW, "page": b"<html>"}.get(
            behaviour, CONTENT
        )
        if behaviour == "gone":
            self.send_error(404)
        elif behaviour == "broken" or (behaviour == "busy" and times <= 2):
            self.send_error(503)
        elif behaviour == "silent":
            self.close_connection = True
        elif behaviour == "chunked":
            self.send_chunked(content, whole=times > 1)
        else:
            start = int(asked[6:-1]) if asked and behaviour != "deaf" else 0
            self.send(content, start, said=0 if behaviour == "astray" else start)

    def send(self, content: bytes, start: int, *, said: int) -> None:
        behaviour = self.path.split("/")[1]
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        cut = behaviour == "cut" or (behaviour in ("deaf", "astray") and self.server.times(behaviour) == 1)
        self.wfile.write(content[start:][: 60_000 if cut else None])
        self.close_connection = True

    def send_chunked(self, content: bytes, *, whole: bool) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content[: None if whole else 60_000])
        if whole:
            self.wfile.write(b"\r\n0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Fetch:
    """A download to tmp_path whose pauses are noted instead of waited for."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.path, self.server = folder / "new" / "file.gz", server
        self.pauses: list[float] = []

    def __call__(self, *behaviours: str, md5: str = MD5, attempts: int = 4) -> None:
        urls = [self.server.url(behaviour) for behaviour in behaviours]
        download(
            urls, self.path, md5=md5, remedy="set it", attempts=attempts, wait=0.5, sleep=self.pauses.append
        )

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
    good = downloads._part_of(fetch.path, fetch.server.url("good"))
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
    with pytest.raises(OSError, match="none of 6 mirrors") as caught:
        fetch("wrong", "gone", "broken", "silent", "cut", "page", attempts=2)
    head, *rows = str(caught.value).splitlines()
    assert head == f"{fetch.path}: none of 6 mirrors gave it with MD5 {MD5}; set it"
    wrong = hashlib.md5(b"something else").hexdigest()
    for row, behaviour, reason in zip(
        rows,
        ("wrong", "gone", "broken", "silent", "cut", "page"),
        (f"MD5 {wrong}, not {MD5}", "HTTP 404", "HTTP 503", "no answer", "cut off after 60000", "MD5"),
        strict=True,
    ):
        assert row.startswith(f"  {fetch.server.url(behaviour)}: {reason}")
    assert fetch.server.times("gone") == 1, "what is not there will not be there in a second"
    assert fetch.server.times("broken") == 2
    assert not fetch.path.exists()
    assert len(fetch.names()) == 1, "wrong bytes are deleted, a right beginning is kept"


def test_a_server_that_is_not_there(fetch: Fetch) -> None:
    urls = ["http://127.0.0.1:9/file", "no address"]
    with pytest.raises(
        OSError, match=r"no answer .*refused.*\(2 attempts\)\n  no address: no address to fetch"
    ):
        download(urls, fetch.path, md5=MD5, attempts=2, sleep=fetch.pauses.append)
    assert fetch.pauses == [1.0]


def test_a_gzip_file_that_is_not_whole(fetch: Fetch) -> None:
    cut = fetch.path.parent.parent / "cut.gz"
    cut.write_bytes(CONTENT[:5000])
    with pytest.raises(OSError, match="not a whole gzip file"):
        download([cut.as_uri()], fetch.path, md5=MD5, sleep=fetch.pauses.append)


def test_errors_of_our_disk_are_not_the_mirrors(fetch: Fetch) -> None:
    fetch.path.parent.mkdir()
    downloads._part_of(fetch.path, fetch.server.url("good")).mkdir()
    with pytest.raises(IsADirectoryError):
        fetch("good")
