"""Disturbs a job of every rule in every way, and writes what becomes of it to docs/reliability.md.

    python -m tests.workflow.faults [--rules R ...] [--faults F ...] [--work DIR] [--toy DIR] [--write]

Takes most of an hour on one core. What is done stands in DIR/cells.json: the same command goes on there.
"""

import argparse
import fcntl
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.workflow.faults import mounts
from tests.workflow.faults.case import Case
from tests.workflow.faults.faults import FAULTS, GOOD, cell_of
from tests.workflow.faults.jobs import JOBS, TARGETS, Job, begin_toy, configs
from tests.workflow.faults.rules import rules_of_run, rules_of_workflow, what_is_wrong
from tests.workflow.faults.table import Cells, unfinished, write_table
from tests.workflow.launching import launched
from tests.workflow.runner import SCATTER, arguments

WHOLE = 4 * 3600  # seconds that the undisturbed run may take on a machine that does much else


def main() -> int:
    """Run what is asked for; 1 where a cell of it is not good."""
    mounts.enter("tests.workflow.faults")
    torch.set_num_threads(1)  # of which the forks of this process have none
    given = options()
    given.work.mkdir(parents=True, exist_ok=True)
    hold(given.work)
    if wrong := what_is_wrong(rules_of_run(given.work / "plan"), rules_of_workflow()):
        sys.exit("\n".join(wrong))
    toy: Path = given.toy or made_toy(given.work / "toy")
    record: Path = given.work / "cells.json"
    cells: Cells = json.loads(record.read_text()) if record.exists() else {}
    for job in JOBS:
        for name in FAULTS:
            wanted = job.rule in given.rules and name in given.faults
            if wanted and cells.get(job.rule, {}).get(name) not in GOOD:
                cells.setdefault(job.rule, {})[name] = tried(job, name, toy=toy, work=given.work)
                record.write_text(json.dumps(cells, indent=1))
    if given.write:
        write_table(cells, Path("docs/reliability.md"))
    return int(bool(unfinished(cells, given.rules, given.faults)))


def hold(work: Path) -> None:
    """Keep other runs out of this folder until this process ends."""
    try:
        fcntl.flock(os.open(work / "lock", os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another run has {work}: wait for its end, or choose another folder with --work")


def made_toy(toy: Path) -> Path:
    """The folder of an undisturbed run, which goes on where it was broken off."""
    begin_toy(toy)
    for options in (["--unlock"], []):  # where it was broken off it is locked
        line = arguments(toy, *SCATTER, "--cores", "1", *options, targets=TARGETS, configs=configs(toy))
        with launched(line, toy / "output.txt") as running:
            outcome = running.wait(WHOLE)
        if outcome.status:
            sys.exit(outcome.output)
    return toy


def tried(job: Job, name: str, *, toy: Path, work: Path) -> str:
    """The cell of a rule and a fault."""
    began = time.monotonic()
    case = Case.begin(toy, work / "run", job)
    cell = cell_of(name, case)
    report = [f"{job.rule}, {name}: {cell} ({time.monotonic() - began:.0f} s)", *case.said]
    sys.stdout.write("\n    ".join(report) + "\n")
    sys.stdout.flush()  # or a fork would write it, too
    return cell


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    rules = [job.rule for job in JOBS]
    parser.add_argument("--rules", nargs="+", default=rules, choices=rules, metavar="RULE")
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=list(FAULTS), metavar="FAULT")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "lass-faults")
    parser.add_argument("--toy", type=Path, help="folder of a finished toy run, for rules that it has")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
