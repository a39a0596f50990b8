"""Killed in the middle and started again, divided in other shards: the same bytes as a run in one go."""

from pathlib import Path

import pytest

from tests.workflow.runner import FINAL, copy_run, digests, kill_when, run

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

OTHER_SCATTER = ["--set-scatter", "tokens=1", "counts=3", "mixtures=2"]
DATA = ["slakh/mini", "slakh/sources", "slakh/mixtures"]


def test_killed_four_times_with_other_shards(toy: Path, tmp_path: Path) -> None:
    directory = copy_run(toy, tmp_path / "run", *DATA)
    results = directory / "results"
    slakh = results / "slakh"

    def logged(name: str, *words: str) -> bool:
        path = results / "logs" / name
        return path.is_file() and all(word in path.read_text() for word in words)

    moments = {
        "training the VQ-VAE": (slakh / "vqvae.unfinished.safetensors").is_file,
        "training a prior": (slakh / "priors" / "bass.unfinished.safetensors").is_file,
        "counting": lambda: logged("count_tuples/1-of-3.log", " groups"),
        "separating": lambda: logged("separate_mixtures/test/1-of-2.log", " of 3 mixtures"),
    }
    undone = {
        "training the VQ-VAE": slakh / "vqvae.safetensors",
        "training a prior": slakh / "priors" / "bass.safetensors",
        "counting": slakh / "counts" / "1-of-3.safetensors",
        "separating": slakh / "test" / "lass" / "1-of-2.parquet",
    }
    for moment, reached in moments.items():
        kill_when(reached, directory, *OTHER_SCATTER)
        assert not undone[moment].exists(), f"{moment}: killed too late to mean anything"
        unlocked = run(directory, *OTHER_SCATTER, "--unlock")
        assert unlocked.status == 0, unlocked.output

    outcome = run(directory, *OTHER_SCATTER)
    assert outcome.status == 0, outcome.output
    assert logged("train_vqvae.log", "resuming", "at step")
    assert logged("train_prior/bass.log", "resuming", "at step")
    assert digests(directory, *FINAL) == digests(toy, *FINAL)
    leftovers = [path for path in results.rglob("*") if ".part" in path.name or "unfinished" in path.name]
    assert not leftovers


def test_a_killed_run_says_how_to_go_on(toy: Path, tmp_path: Path) -> None:
    directory = copy_run(toy, tmp_path / "run", *DATA)
    started = directory / "results" / "logs" / "train_vqvae.log"
    kill_when(started.is_file, directory, "results/slakh/vqvae.safetensors")
    outcome = run(directory, "results/slakh/vqvae.safetensors")
    assert outcome.status == 1
    assert "--unlock" in outcome.output
