"""A server on this machine that answers well or badly, by the first folder of the path."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

RAW = np.random.default_rng(0).integers(0, 256, 150_000, dtype=np.uint8).tobytes()  # several blocks
CONTENT = gzip.compress(RAW, mtime=0)
MD5 = hashlib.md5(RAW).hexdigest()
PAGE = b"\n<!DOCTYPE html><title>Quota exceeded</title>" + b"-" * 100
CUT = 60_000  # bytes after which an answer is cut


class Server(ThreadingHTTPServer):
    """Serves `content` under any name; `asked` are the paths with the ranges asked for, in order."""

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.asked: list[tuple[str, str | None]] = []
        self.versions: list[str | None] = []  # what If-Range said
        self.tag = '"one"'

    def url(self, behaviour: str, name: str = "file.gz") -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/{name}"

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.asked]

    def times(self, behaviour: str) -> int:
        return sum(path.split("/")[1] == behaviour for path, _ in self.asked)


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first folder of the path says.

    good; cut: every answer after 60,000 bytes; busy: two times; later: the same, and says for how long;
    broken; gone; silent: hangs up; unwilling: 416 to everything; moved: to good; circle: to itself; wrong:
    sends another file; page: HTML; typed: the file, but said to be HTML; raw: the right one, not packed;
    longer and shorter: another length than it has; endless: no length; tagged: says which state the file is
    in, and is cut. The first answer of these is cut: deaf, which knows no ranges; astray, which sends another
    range than asked; chunked, which states no length.
    """

    server: Server

    def do_GET(self) -> None:
        behaviour, asked = self.path.split("/")[1], self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        self.server.versions.append(self.headers.get("If-Range"))
        times = self.server.times(behaviour)
        content = {"wrong": gzip.compress(b"something else"), "raw": RAW, "page": PAGE}.get(
            behaviour, self.server.content
        )
        if behaviour in ("gone", "unwilling"):
            self.send_error(404 if behaviour == "gone" else 416)
        elif behaviour == "broken" or (behaviour in ("busy", "later") and times <= 2):
            self.refuse(503, **({"Retry-After": "7"} if behaviour == "later" else {}))
        elif behaviour in ("moved", "circle"):
            to = self.path.replace("moved", "good")
            self.refuse(302, Location=f"http://127.0.0.1:{self.server.server_port}{to}")
        elif behaviour == "silent":
            self.close_connection = True
        elif behaviour == "chunked":
            self.send_chunked(content, whole=times > 1)
        else:
            stale = behaviour == "tagged" and self.headers.get("If-Range") != self.server.tag
            start = int(asked[6:-1]) if asked and behaviour != "deaf" and not stale else 0
            self.send(content, start, said=0 if behaviour == "astray" else start)

    def refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, content: bytes, start: int, *, said: int) -> None:
        behaviour = self.path.split("/")[1]
        if start >= len(content):
            self.refuse(416, **{"Content-Range": f"bytes */{len(content)}"})
            return
        self.send_response(206 if start else 200)
        length = len(content) - start + {"longer": 5, "shorter": -5}.get(behaviour, 0)
        if behaviour != "endless":
            self.send_header("Content-Length", str(length))
        if behaviour in ("page", "typed"):
            self.send_header("Content-Type", "text/html; charset=utf-8")
        if behaviour == "tagged":
            self.send_header("ETag", self.server.tag)
        if start:
            self.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        first = self.server.times(behaviour) == 1
        cut = behaviour in ("cut", "tagged") or (behaviour in ("deaf", "astray") and first)
        self.wfile.write(content[start:][: CUT if cut else None])
        self.close_connection = True

    def send_chunked(self, content: bytes, *, whole: bool) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content[: None if whole else CUT])
        if whole:
            self.wfile.write(b"\r\n0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server, at work until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
