"""Snakemake as a fork of this process, which has imported what it needs: seconds less a run.

It is a process of its own, as it is elsewhere: it can be killed, and leads the session of its jobs, which
are forked, too (`tests.workflow.preloaded`).
"""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import snakemake.cli  # noqa: F401 (what forks do not wait for)
import torch  # noqa: F401

from tests.workflow.faults import agent
from tests.workflow.preloaded import run_snakemake, status_of
from tests.workflow.runner import PATIENCE, Outcome


@dataclass
class Running:
    """A run of Snakemake."""

    pid: int
    log: Path
    status: int | None = None

    def ended(self) -> bool:
        """Whether it is through."""
        if self.status is None and (found := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.status = os.waitstatus_to_exitcode(found[1])
        return self.status is not None

    def wait(self) -> Outcome:
        """How it ended; TimeoutError where it does not."""
        end = time.monotonic() + PATIENCE
        while not self.ended():
            if time.monotonic() > end:
                raise TimeoutError(f"never ends:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.01)
        return Outcome(self.status or 0, self.log.read_text(encoding="utf-8", errors="replace"))


@contextlib.contextmanager
def launched(line: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[Running]:
    """Snakemake with these arguments; at the end of the block it is killed with all of its jobs."""
    with log.open("w") as output, tempfile.TemporaryDirectory() as folder:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.environ.update(environment)
            os._exit(status_of(lambda: run_snakemake(line, Path(folder), agent.install)))
        running = Running(pid, log)
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            running.wait()
