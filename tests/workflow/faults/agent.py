"""What disturbs a job from within: it is killed, or held, as one of its files is about to get its name.

By then the file is whole, but under another name: the moment at which most can go wrong.
"""

import os
import signal
import sys
import time
from pathlib import Path

FAULT = "LASS_FAULT"
"""Variable of the environment: `<what>:<rule>:<n>:<gate>`.

`what` is `kill`; or `hold`, until the file `gate` is there; or `orphan`, which kills Snakemake first. The
number of the process is written beside the gate, so that whoever asked for it knows that it was done.
"""
AGENT = f"{__name__}.install"
PATIENCE = 600.0


def install() -> None:
    """Watch this process, if it runs a script of the rule that the environment names."""
    if not (fault := os.environ.get(FAULT)):
        return
    what, rule, number, gate = fault.split(":")
    if sys.argv[0].endswith(f".{rule}.py"):
        _watch(what, int(number), Path(gate))


def _watch(what: str, number: int, gate: Path) -> None:
    left = [number]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and "results" in os.path.abspath(str(arguments[1])):  # noqa: PTH100
            left[0] -= 1
            if left[0] == 0:
                _act(what, gate)

    sys.addaudithook(hook)


def _act(what: str, gate: Path) -> None:
    gate.with_suffix(".pid").write_text(str(os.getpid()), encoding="ascii")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "orphan":
        os.kill(os.getsid(0), signal.SIGKILL)  # Snakemake leads the session
    until = time.monotonic() + PATIENCE
    while not gate.exists() and time.monotonic() < until:
        time.sleep(0.01)
