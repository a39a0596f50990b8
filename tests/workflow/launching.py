"""Starts Snakemake as a process that can be waited for and killed, and does not wait for imports.

It is a fork of a process that this one starts once (`tests.workflow.preloaded`).
"""

import atexit
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 1200  # seconds after which a test gives up waiting for Snakemake
START = 300  # seconds in which a Snakemake has to begin, of which the first waits for imports
KILLED = 128 + signal.SIGKILL


@dataclass(frozen=True)
class Outcome:
    """How a run of Snakemake ended."""

    status: int
    output: str

    @property
    def jobs(self) -> dict[str, int]:
        """Rule to number of jobs, from the table that Snakemake prints; empty: nothing to do."""
        tables = re.findall(r"^job +count\n[- ]+\n((?:\w+ +\d+\n)+)", self.output, re.MULTILINE)
        rows = [line.split() for line in tables[-1].splitlines()] if tables else []
        return {name: int(count) for name, count in rows if name != "total"}


@dataclass
class Running:
    """A run of Snakemake that writes to `log`."""

    pid: int
    log: Path
    told: socket.socket  # where its status is told once it has ended
    status: int | None = None

    def ended(self, patience: float = 0) -> bool:
        """Whether it is through within so many seconds."""
        if self.status is None and select.select([self.told], [], [], patience)[0]:
            self.status = int(self.told.recv(16) or KILLED)
        return self.status is not None

    def wait(self, seconds: float = PATIENCE) -> Outcome:
        """How it ended; TimeoutError where it does not within so many seconds."""
        if not self.ended(seconds):
            raise TimeoutError(f"never ends:\n{self.log.read_text(encoding='utf-8')}")
        return Outcome(self.status or 0, self.log.read_text(encoding="utf-8", errors="replace"))


@contextlib.contextmanager
def launched(
    line: list[str], log: Path, environment: Mapping[str, str] | None = None, agent: str = ""
) -> Iterator[Running]:
    """Snakemake with these arguments; at the end of the block it is killed with all of its jobs.

    `environment` is added to that of this process. `agent` is a function that every job calls first, by its
    module and name.
    """
    asked: dict[str, object] = {"arguments": line, "directory": str(ROOT), "agent": agent}
    asked["environment"] = {**os.environ, **(environment or {})}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as told, log.open("w") as output:
        told.connect(forking())
        with Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), output.fileno(), output.fileno()]
            socket.send_fds(told, [json.dumps(asked).encode()], streams)
        running = Running(0, log, told)
        try:
            told.settimeout(START)
            running.pid = int(told.recv(16))
            told.settimeout(None)
            yield running
        finally:
            if running.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                running.wait()


@contextlib.contextmanager
def started(
    line: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs and writes to `log`; at the end of the block it is killed with all its children.

    It has this `environment`, or that of this process.
    """
    with log.open("w") as output:
        running = subprocess.Popen(
            line, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@cache
def forking() -> str:
    """The address of the process that Snakemakes are forked from; the first to ask starts it."""
    folder = tempfile.TemporaryDirectory()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address := f"{folder.name}/runs")
    listener.listen(8)
    line = [sys.executable, "-m", "tests.workflow.preloaded", str(listener.fileno())]
    process = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    listener.close()

    def end() -> None:
        process.communicate()  # which closes the pipe
        folder.cleanup()

    atexit.register(end)
    return address
