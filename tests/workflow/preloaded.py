"""Forks Snakemakes, and jobs for them, from a process that has imported what they import.

    python -m tests.workflow.preloaded NUMBER-OF-A-LISTENING-SOCKET < PIPE

Imports take longer than jobs of toy size do. Whoever connects sends the arguments of Snakemake, and is told
the number of a process that is as one of its own, and at the end its exit status. Snakemake leads a session;
what it starts in place of Python is `forked.py`, which has the script run by another fork, of the same
session, and ends as that ends. Nothing of `lass` is imported here: a run imports it from where it runs. It
ends with the pipe; Snakemakes that are running then go on.
"""

import contextlib
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS = "LASS_TEST_JOBS"
CLIENT = Path(__file__).with_name("forked.py")
LARGEST = 2**20  # bytes of a request: arguments and environment
IMPORTED = (
    "torch",
    "torch._dynamo",  # which every optimizer imports
    "pandas",
    "pyarrow.parquet",
    "scipy.signal",
    "soundfile",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "pydantic",
    "snakemake.cli",
    "snakemake.script",
)

Agent = Callable[[], None]


def main() -> None:
    """Fork a Snakemake for everyone who asks, until the pipe at the standard input is closed."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once; jobs of one thread are told it too late
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in IMPORTED:
        importlib.import_module(name)
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    signal.set_wakeup_fd(ends)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while 0 not in (ready := select.select([listener.fileno(), 0, ended], [], [])[0]):
        if ended in ready:
            os.read(ended, 64)
            tell_ended(running)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            message, streams, *_ = socket.recv_fds(connection, LARGEST, 3)
            if not (pid := os.fork()):
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (listener.detach(), ended, ends, *(other.detach() for other in running.values())):
                    os.close(end)  # or nobody would see the end of what this was forked from
                os._exit(status_of(lambda: lead(connection, message, streams)))  # noqa: B023 (at once)
            running[pid] = connection
            for stream in streams:
                os.close(stream)


def tell_ended(running: dict[int, socket.socket]) -> None:
    """Tell the exit statuses of processes that have ended to those who wait for them."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            with running.pop(found[0]) as connection, contextlib.suppress(BrokenPipeError):
                connection.send(str(os.waitstatus_to_exitcode(found[1])).encode())


def lead(connection: socket.socket, message: bytes, streams: list[int]) -> None:
    """Become the leader of a session, say so, and run Snakemake in it with what is asked for.

    `agent` in it names a function of a module.
    """
    os.setsid()
    with connection:
        connection.send(str(os.getpid()).encode())
    asked = json.loads(message)
    become(asked, streams)
    agent = None
    if asked["agent"]:
        module, _, name = asked["agent"].rpartition(".")
        agent = getattr(importlib.import_module(module), name)
    with tempfile.TemporaryDirectory() as folder:
        run_snakemake(asked["arguments"], Path(folder), agent)


def become(asked: dict[str, Any], streams: list[int]) -> None:
    """Take over streams, environment and folder of whoever asked."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])


def run_snakemake(line: list[str], folder: Path, agent: Agent | None) -> None:
    """Start the process that jobs are forked from, then Snakemake in this one.

    `folder` is where the two meet. Every job calls `agent` in its own process, before its script.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address := f"{folder}/jobs")
    listener.listen(64)
    alive, held = os.pipe()
    if not os.fork():
        os.close(held)
        os._exit(status_of(lambda: serve(listener, alive, agent)))
    listener.close()
    os.environ[ADDRESS] = address
    sys.executable = shlex.join([sys.executable, "-I", "-S", str(CLIENT)])
    from snakemake.cli import main as snakemake  # noqa: PLC0415 (after the others)

    snakemake(line)


def serve(listener: socket.socket, alive: int, agent: Agent | None) -> None:
    """Fork a job for everyone who asks, until the process at the other end of `alive` is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # jobs leave nothing to wait for
    while alive not in select.select([listener.fileno(), alive], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = status_of(lambda: answer(connection, agent))  # noqa: B023 (at once)
            connection.send(str(status).encode())
            os._exit(0)
        connection.close()


def answer(connection: socket.socket, agent: Agent | None) -> None:
    """Run the script that is asked for, where and with what it is to run."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    message, streams, *_ = socket.recv_fds(connection, LARGEST, 3)
    asked = json.loads(message)
    become(asked, streams)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # Snakemake's, which torch has read too early
    np.random.seed()  # noqa: NPY002 (what is not seeded differs from job to job, as in processes of their own)
    sys.argv = asked["arguments"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    if agent:
        agent()
    runpy.run_path(sys.argv[0], run_name="__main__")


def status_of(do: Callable[[], None]) -> int:
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


if __name__ == "__main__":
    main()
