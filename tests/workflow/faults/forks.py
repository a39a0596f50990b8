"""Snakemake and its jobs as forks of this process, which has imported what they need: seconds less a run.

Each is a process of its own, as it is elsewhere: it can be killed, and Snakemake leads their session.
"""

import contextlib
import json
import os
import runpy
import shlex
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from snakemake.cli import main as snakemake

from tests.workflow.faults import agent
from tests.workflow.runner import PATIENCE, Outcome

_SOCKET = "LASS_FAULTS_JOBS"
_ASK = f"""
import json, os, socket, sys
job = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
job.connect(os.environ["{_SOCKET}"])
asked = [sys.argv[1:], dict(os.environ), os.getcwd()]
socket.send_fds(job, [json.dumps(asked).encode()], [1, 2])
sys.exit(int(job.recv(9) or 137))
"""


@dataclass
class Running:
    """A run of Snakemake."""

    pid: int
    log: Path
    status: int | None = None

    def wait(self) -> Outcome:
        """How it ended; TimeoutError where it does not."""
        end = time.monotonic() + PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise TimeoutError(f"never ends:\n{self.log.read_text(encoding='utf-8')}")
            else:
                time.sleep(0.01)
        return Outcome(self.status, self.log.read_text(encoding="utf-8", errors="replace"))


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
            os._exit(_status_of(lambda: _run(line, f"{folder}/jobs")))
        running = Running(pid, log)
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            running.wait()


def _run(line: list[str], address: str) -> None:
    """Run Snakemake here, and its jobs in forks of another fork, which has no threads."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(16)
    if os.fork() == 0:
        _serve(listener)
    os.environ[_SOCKET] = address
    sys.executable = shlex.join([sys.executable, "-I", "-S", "-c", _ASK])
    snakemake(line)


def _serve(listener: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        job, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            job.send(str(_status_of(lambda: _run_script(job))).encode())  # noqa: B023 (at once)
            os._exit(0)
        job.close()


def _run_script(job: socket.socket) -> None:
    message, streams, *_ = socket.recv_fds(job, 2**20, 2)
    arguments, environment, directory = json.loads(message)
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    torch.set_num_threads(1)
    sys.argv, sys.path[0] = arguments, str(Path(arguments[0]).parent)
    agent.install()
    runpy.run_path(arguments[0], run_name="__main__")


def _status_of(do: Callable[[], None]) -> int:
    """Exit status of a process that does this, as Python has it."""
    try:
        do()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
