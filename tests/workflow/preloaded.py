"""Snakemake, whose jobs are forked from a process that has imported torch, which takes longer than they do.

    python -m tests.workflow.preloaded ARGUMENTS-OF-SNAKEMAKE

What Snakemake starts in place of Python is `forked.py`. It hands the script to that process and ends as the
script does. All are of one process group, so that whoever kills it kills the jobs as well.
"""

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

ADDRESS = "LASS_TEST_JOBS"
CLIENT = Path(__file__).with_name("forked.py")
LARGEST = 2**20  # bytes of a request: arguments and environment

Agent = Callable[[], None]


def main() -> None:
    """Run Snakemake with the arguments of this program."""
    # Snakemake says so to a job of one thread; one that is forked hears it too late for numpy.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        run_snakemake(sys.argv[1:], Path(folder))


def run_snakemake(line: list[str], folder: Path, agent: Agent | None = None) -> None:
    """Start the process that jobs are forked from, then Snakemake in this one.

    `folder` is where the two meet. Every job calls `agent` in its own process, before its script.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address := f"{folder}/jobs")
    listener.listen(64)
    alive, held = os.pipe()
    if not os.fork():
        os.close(held)
        serve(listener, alive, agent)
    os.environ[ADDRESS] = address
    sys.executable = shlex.join([sys.executable, "-I", "-S", str(CLIENT)])
    from snakemake.cli import main as snakemake  # noqa: PLC0415 (after the fork: both import at once)

    snakemake(line)


def serve(listener: socket.socket, alive: int, agent: Agent | None) -> None:
    """Fork a job for everyone who asks, until the process at the other end of `alive` is gone."""
    import torch  # noqa: F401, PLC0415 (what jobs do not wait for)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # jobs leave nothing to wait for
    while alive not in select.select([listener.fileno(), alive], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = status_of(lambda: answer(connection, agent))  # noqa: B023 (at once)
            connection.send(str(status).encode())
            os._exit(0)
        connection.close()
    os._exit(0)


def answer(connection: socket.socket, agent: Agent | None) -> None:
    """Run the script that is asked for, where and with what it is to run."""
    import torch  # noqa: PLC0415

    message, streams, *_ = socket.recv_fds(connection, LARGEST, 3)
    asked = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # Snakemake's, which torch has read too early
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
