"""Diffusion priors from the sources to the table, with config/diffusion.yaml."""

import math
from pathlib import Path

import numpy as np
import pytest

from lass.api import Separator
from lass.bundle.folder import check_model
from lass.data.estimates import read_computed
from lass.evaluation.tables.files import read_csv, records
from lass.models.diffusion import read_denoiser
from tests.workflow.runner import ROOT, SCATTER, TEST_CONFIG, copy_run, run, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TRAINING = {
    "steps": 20,
    "batch": 4,
    "warmup": 2,
    "validate_every": 10,
    "save_every": 10,
    "precision": "float32",
}
SMALL = {
    "denoisers": {
        "songs": {"crop": 4096, "channels": [8, 16], "strides": [2], "blocks": 1, "training": TRAINING}
    },
    "examples": 8,
    "unseen": 16,
    "methods": {"diffusion": {"solver": {"steps": 3}}},
}


def test_rows_by_diffusion_priors(toy: Path, tmp_path: Path) -> None:
    directory = copy_run(toy, tmp_path / "run", "slakh/songs", "slakh/sources", "slakh/mixtures")
    tables = {"diffusion": {"rows": ["diffusion"]}}
    packed = {"presets": {"best": "diffusion", "paper": None, "fast": None}}
    small = write_config(
        tmp_path / "small.yaml",
        {"datasets": {"slakh": {"diffusion": SMALL, "tables": tables, "model": packed}}},
    )
    targets = ["results/slakh_diffusion.csv", "results/slakh_diffusion_seconds.png", "results/slakh/model"]
    configs = [ROOT / "config" / "diffusion.yaml", TEST_CONFIG, small]
    outcome = run(directory, *SCATTER, "--rerun-triggers", "mtime", configs=configs, targets=targets)
    assert outcome.status == 0, outcome.output
    assert outcome.jobs["train_denoiser"] == 1
    rows = {row["method"]: row for row in records(read_csv(directory / targets[0]))}
    assert list(rows) == tables["diffusion"]["rows"]
    assert rows["diffusion"]["seconds"] > 0
    assert rows["diffusion"]["n"] == 2
    assert (directory / targets[1]).read_bytes().startswith(b"\x89PNG")
    folder = directory / "results" / "slakh" / "denoisers"
    network = read_denoiser(folder / "songs.safetensors", classes=["drums", "bass"], conditional=True)
    assert network.deviations.shape == (2,)
    levels = records(read_csv(folder / "songs.csv"))
    assert {row["source"] for row in levels} == {"drums", "bass"}
    assert all(math.isfinite(row[name]) for row in levels for name in ("gain", "loudness", "filter_loudness"))
    assert not list(folder.glob("*.unfinished.safetensors"))
    estimates = (directory / "results" / "slakh" / "validation" / "diffusion").glob("*.safetensors")
    assert [way.precision for way in read_computed(estimates)] == ["float32"]
    described = check_model(directory / "results" / "slakh" / "model")
    assert list(described.files) == ["denoisers/songs.safetensors"]
    best = described.presets["best"].result
    assert best is not None
    assert (best.row, best.mixtures) == ("diffusion", 6)
    song = np.random.default_rng(0).normal(0, 0.05, 6000).astype(np.float32)
    separation = Separator.load(directory / "results" / "slakh" / "model", device="cpu").separate(song, 4000)
    np.testing.assert_allclose(separation["drums"] + separation["bass"], song, atol=1e-5)
