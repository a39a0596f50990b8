"""What a job asks for when it runs again, and which jobs may go to a cluster together."""

import re
from pathlib import Path

import pytest

from tests.workflow.runner import ROOT, dry_run, write_config

pytestmark = pytest.mark.workflow

PROFILE = ROOT / "workflow" / "profiles" / "slurm"


def asked_for(output: str) -> dict[str, set[tuple[int, int]]]:
    """Rule to memory (MB) and time (minutes) of its jobs, from what a dry run prints."""
    found: dict[str, set[tuple[int, int]]] = {}
    for name, text in re.findall(r"^(?:local)?rule (\w+):\n((?: .*\n)+)", output, re.MULTILINE):
        memory, time = re.search(r"\bmem_mb=(\d+)", text), re.search(r"\bruntime=(\d+)", text)
        if memory and time:
            found.setdefault(name, set()).add((int(memory[1]), int(time[1])))
    return found


def planned(directory: Path, *options: str) -> dict[str, set[tuple[int, int]]]:
    return asked_for(dry_run(directory, "--quiet", "host", *options).output)


def test_a_retry_asks_for_more(tmp_path: Path) -> None:
    first, third = planned(tmp_path), planned(tmp_path, "--attempt", "3")
    assert len(first) > 15
    assert first["count_tuples"] == {(6000, 240)}
    assert third == {
        rule: {(3 * memory, 3 * time) for memory, time in asked} for rule, asked in first.items()
    }


def test_what_is_named_stays(tmp_path: Path) -> None:
    again = planned(tmp_path, "--attempt", "2", "--set-resources", "count_tuples:mem_mb=500")
    assert again["count_tuples"] == {(500, 480)}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_rows_of_all_kinds_go_together(tmp_path: Path, device: str) -> None:
    """Methods with and without a network; a group refuses jobs whose resources differ in a text."""
    config = write_config(tmp_path / "device.yaml", {"device": device})
    groups = ["--groups", "separate_mixtures=rows", "score_estimates=rows", "--group-components", "rows=8"]
    options = [*groups, "--set-resource-scopes", "gpu=local", "--resources", "gpu=1", "mem_mb=32000"]
    outcome = dry_run(tmp_path, *options, configs=[ROOT / "config" / "test.yaml", config])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs["score_estimates"] == 36
