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
from pathlib import Path

ADDRESS = "LASS_TEST_JOBS"
CLIENT = Path(__file__).with_name("forked.py")
LARGEST = 2**20  # bytes of a request: arguments and environment


def main() -> None:
    """Start the process that jobs are forked from, then Snakemake in this one."""
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(address := f"{folder}/jobs")
        listener.listen(64)
        # Snakemake says so to a job of one thread; one that is forked hears it too late for numpy.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        alive, held = os.pipe()
        if not os.fork():
            os.close(held)
            serve(listener, alive)
        os.environ[ADDRESS] = address
        sys.executable = shlex.join([sys.executable, "-I", "-S", str(CLIENT)])
        from snakemake.cli import main as snakemake  # noqa: PLC0415 (after the fork: both import at once)

        snakemake(sys.argv[1:])


def serve(listener: socket.socket, alive: int) -> None:
    """Fork a job for everyone who asks, until the process at the other end of `alive` is gone."""
    import torch  # noqa: F401, PLC0415 (what jobs do not wait for)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # jobs leave nothing to wait for
    while alive not in select.select([listener.fileno(), alive], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            connection.send(str(answer(connection)).encode())
            os._exit(0)
        connection.close()
    os._exit(0)


def answer(connection: socket.socket) -> int:
    """Run the script that is asked for, where and with what it is to run; its exit status."""
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
    status: object = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else int(status is not None)


if __name__ == "__main__":
    main()
