"""Killed in the middle and started again, divided in other shards: the same bytes as a run in one go."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.runner import FINAL, SCATTER, TEST_CONFIG, copy_run, digests, kill_when, run, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

OTHER_SCATTER = ["--set-scatter", "tokens=2", "counts=2", "mixtures=2"]
# The row that draws most. That no method minds what else its shard holds is shown beside each of them.
ROW = {"datasets": {"slakh": {"tables": {"sdr": {"rows": ["particles"]}}}}}


def says(log: Path, words: str) -> bool:
    return log.is_file() and words in log.read_text(encoding="utf-8")


def kill_before(
    output: Path, directory: Path, *, reached: Callable[[], bool], log: Path, configs: list[Path]
) -> None:
    """Kill the run once its job has `reached` the middle; again where that came too late for `output`."""
    for _ in range(5):
        log.unlink(missing_ok=True)
        output.unlink(missing_ok=True)  # an earlier moment's run may have got as far, or into the middle
        output.with_name(f"{output.stem}.unfinished.safetensors").unlink(missing_ok=True)
        kill_when(reached, directory, *OTHER_SCATTER, configs=configs)
        if not output.exists():
            return
        assert run(directory, *OTHER_SCATTER, "--unlock", configs=configs).status == 0
    pytest.fail(f"{output} was always there before the kill")


def test_killed_four_times_and_divided_otherwise(toy: Path, tmp_path: Path) -> None:
    configs = [TEST_CONFIG, write_config(tmp_path / "row.yaml", ROW)]
    whole = copy_run(toy, tmp_path / "whole")
    outcome = run(whole, *SCATTER, configs=configs)
    assert outcome.status == 0, outcome.output
    assert set(outcome.jobs) == {"tabulate_scores", "show_separations", "draw_page", "all"}
    directory = copy_run(toy, tmp_path / "run", "slakh/songs", "slakh/sources", "slakh/mixtures")
    slakh, logs = directory / "results" / "slakh", directory / "results" / "logs"
    priors = slakh / "priors"
    counting, separating = (
        logs / "count_tuples/slakh/1-of-2.log",
        logs / "draw_candidates/slakh/test/particles/1-of-2.log",
    )
    # output of the job that is killed, whether it is in the middle, its log. Counts before priors: a run may
    # do either first, but nothing is counted again once the counts are merged
    moments: list[tuple[Path, Callable[[], bool], Path]] = [
        (
            slakh / "codec.safetensors",
            (slakh / "codec.unfinished.safetensors").is_file,
            logs / "train_codec" / "slakh.log",
        ),
        (slakh / "counts" / "1-of-2.safetensors", lambda: says(counting, " groups"), counting),
        (
            priors / "bass.safetensors",
            (priors / "bass.unfinished.safetensors").is_file,
            logs / "train_prior" / "slakh" / "bass.log",
        ),
        (
            slakh / "test/candidates/particles/1-of-2.parquet",
            lambda: says(separating, "of 3 mixtures"),
            separating,
        ),
    ]
    for output, reached, log in moments:
        kill_before(output, directory, reached=reached, log=log, configs=configs)
        if output == moments[0][0]:
            locked = run(directory, *OTHER_SCATTER, configs=configs)
            assert locked.status == 1
            assert "--unlock" in locked.output
        assert run(directory, *OTHER_SCATTER, "--unlock", configs=configs).status == 0

    outcome = run(directory, *OTHER_SCATTER, configs=configs)
    assert outcome.status == 0, outcome.output
    for name in ("train_codec/slakh.log", "train_prior/slakh/bass.log"):
        assert says(logs / name, "resuming"), "it went on from the saved state"
    assert digests(directory, *FINAL) == digests(whole, *FINAL)
    files = [path.name for path in slakh.rglob("*")]
    assert not [name for name in files if ".part" in name or "unfinished" in name]
