"""A fault that did nothing is no fault survived; a rule that nobody disturbs is named."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.faults import faults
from tests.workflow.faults.__main__ import hold
from tests.workflow.faults.case import Case, NotHit, inputs_of
from tests.workflow.faults.faults import FAULTS, GOOD, cell_of, victims
from tests.workflow.faults.jobs import JOBS, Job
from tests.workflow.faults.rules import WITHOUT_ROW, rules_of_run, rules_of_workflow, what_is_wrong
from tests.workflow.faults.table import unfinished
from tests.workflow.launching import Outcome, Running

NOTHING = Outcome(0, "Nothing to be done (all requested files are present and up to date).")
MADE = Outcome(0, "job count\n--- -----\ndraw 1\ntotal 1\n")
PLAN = """rule draw:
    input: results/given, results/other
    output: results/made

rule all:
    input: x
"""


@dataclass
class Undisturbed(Case):
    """A case whose runs all end in the same way, whatever is done to them."""

    outcome: Outcome = NOTHING

    def run(self, *_: Any, **__: Any) -> Outcome:
        return self.outcome

    def planned(self, *_: Any) -> str:
        return PLAN

    @contextlib.contextmanager
    def begun(self, what: str) -> Iterator[Running]:
        assert what in ("orphan", "hold")
        ended = Running(0, self.directory / "log", socket.socket(), status=0)
        ended.log.touch()
        with ended.told:
            yield ended


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Undisturbed:
    """A run of one job, with mounts that change nothing."""
    for name in ("given", "other", "made", "read"):
        path = tmp_path / "toy" / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 3)
    shutil.copytree(tmp_path / "toy", tmp_path / "run")
    monkeypatch.setattr(faults, "can_mount", lambda: True)
    monkeypatch.setattr(faults, "read_only", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(faults, "small_disk", lambda *_: contextlib.nullcontext(tmp_path / "filler"))
    return Undisturbed(tmp_path / "toy", tmp_path / "run", Job("draw", ("made",), ("read",)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_job_that_does_not_run_is_not_hit(case: Undisturbed, name: str) -> None:
    cell = cell_of(name, case)
    assert cell.startswith("not hit: ")
    assert cell not in GOOD


@pytest.mark.parametrize(
    "name", ["job killed", "Snakemake killed", "two Snakemakes", "disk full", "results read-only"]
)
def test_a_job_that_runs_as_ever_is_not_hit(case: Undisturbed, name: str) -> None:
    case.outcome = MADE
    assert cell_of(name, case).startswith("not hit: ")


@pytest.mark.parametrize("name", ["input cut", "clock back"])
def test_a_job_without_inputs_has_to_be_known_as_such(case: Undisturbed, name: str) -> None:
    case.job = Job("draw", ("made",), reads=False)
    assert cell_of(name, case).startswith("not hit: draw is planned with these inputs: ['given', 'other']")


def test_what_a_plan_says_of_inputs() -> None:
    assert inputs_of("draw", PLAN) == ["given", "other"]
    assert inputs_of("all", PLAN) == []
    with pytest.raises(NotHit, match="no job of mix is planned"):
        inputs_of("mix", PLAN)


def test_files_that_are_not_there_or_empty_cannot_be_spoilt(case: Case) -> None:
    with pytest.raises(NotHit, match="no file with content among gone"):
        victims(case.results, ("gone",))
    (case.results / "given").write_text("")
    with pytest.raises(NotHit, match="no file with content among given"):
        victims(case.results, ("given",))
    assert victims(case.results, ("given", "made")) == [case.results / "made"]


def test_cells_that_are_missing_or_not_hit_are_not_good() -> None:
    cells = {"draw": {"job killed": "same", "disk full": "not hit: there was room enough"}}
    names = ["job killed", "disk full", "clock back"]
    assert unfinished(cells, ["draw"], names) == [
        "draw, disk full: not hit: there was room enough",
        "draw, clock back: not run",
    ]
    assert unfinished(cells, ["draw"], ["job killed"]) == []


def test_a_folder_is_of_one_run_at_a_time(tmp_path: Path) -> None:
    """Each begins with an unlocking, which would be that of the other's folder."""
    hold(tmp_path)
    with pytest.raises(SystemExit, match=r"another run has .*: wait for its end"):
        hold(tmp_path)


@pytest.mark.workflow
def test_every_rule_has_a_row_or_a_reason(tmp_path: Path) -> None:
    """By what Snakemake plans and by what the files of rules hold, not by a list of ours."""
    assert what_is_wrong(rules_of_run(tmp_path), rules_of_workflow()) == []


def test_rules_that_nobody_thought_of() -> None:
    rows = {job.rule for job in JOBS}
    written = rows | set(WITHOUT_ROW)
    assert what_is_wrong(rows, written | {"invent_songs"}) == [
        "invent_songs has neither a row (faults/jobs.py) nor a reason (faults/rules.py)"
    ]
    [wrong] = what_is_wrong(rows - {"draw_page"}, written)
    assert wrong == "draw_page has a row, but the toy run has no job of it"
    [wrong] = what_is_wrong(rows | {"shift_sources"}, written)
    assert wrong.startswith("shift_sources is in the toy run")
    assert what_is_wrong(rows, written - {"fetch_mnist"}) == ["fetch_mnist has a reason, but is no rule"]
