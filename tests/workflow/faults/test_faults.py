"""A sample of the fault matrix; all of it by `make fault-test`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.faults.faults import FAULTS, GOOD
from tests.workflow.faults.jobs import JOBS
from tests.workflow.faults.table import write_table
from tests.workflow.runner import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
RULES = sorted(job.rule for job in JOBS)


def disturb(work: Path, *options: str | Path) -> dict[str, dict[str, str]]:
    """The cells of the matrix that these options ask for."""
    line = [sys.executable, "-m", "tests.workflow.faults", "--work", str(work), *map(str, options)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    record = work / "cells.json"
    assert record.exists(), done.stdout + done.stderr
    cells: dict[str, dict[str, str]] = json.loads(record.read_text())
    wrong = [cell for row in cells.values() for cell in row.values() if cell not in GOOD]
    assert not wrong, done.stdout
    assert done.returncode == 0, done.stderr
    return cells


def test_a_sample(toy: Path, tmp_path: Path) -> None:
    faults = ["job killed", "Snakemake killed", "disk full", "input cut"]
    cells = disturb(tmp_path, "--toy", toy, "--rules", "draw_mixtures", "--faults", *faults)
    assert cells["draw_mixtures"].keys() == set(faults)
    assert cells["draw_mixtures"]["job killed"] == "same"
    assert cells["draw_mixtures"]["input cut"] == "said"


@pytest.mark.faults
@pytest.mark.parametrize("rule", RULES)
def test_every_fault(tmp_path_factory: pytest.TempPathFactory, rule: str) -> None:
    """Takes a toy run that all of these share."""
    work = tmp_path_factory.getbasetemp() / "faults"
    assert disturb(work, "--rules", rule)[rule].keys() == FAULTS.keys()


def test_the_table(tmp_path: Path) -> None:
    cells = {"draw_page": {"job killed": "same", "disk full": "said"}}
    write_table(cells, tmp_path / "table.md")
    text = (tmp_path / "table.md").read_text()
    assert "| `draw_page` | same | not run | said | not run |" in text
    assert "| `merge_counts` | not run |" in text, "every rule has a row, whatever has been run"
    assert "- `fetch_mnist`: what it makes comes from the network" in text
    assert "- disk full: No room for more than half of what the job writes; then there is room again." in text
    assert "- `seen`" not in text
