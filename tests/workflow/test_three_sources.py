"""Three sources from the songs to the table, all of it trained: config/three_sources_anew.yaml."""

import math
from itertools import permutations
from pathlib import Path

import pytest

from lass.evaluation.tables.files import read_csv, records
from lass.likelihood.tensor import read_likelihood
from tests.workflow.runner import ROOT, SCATTER, TEST_CONFIG, run, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CLASSES = ["drums", "bass", "guitar"]


def test_a_table_of_three_sources(tmp_path: Path) -> None:
    slakh = {
        "composed": {"songs": {"train": 8, "validation": 8, "test": 8}, "seconds": 8},
        "mixtures": {"count": {"validation": 2, "test": 3}},
        "codec": {"codes": 16},
        "priors": {"guitar": {"layers": 1, "width": 32, "training": {"steps": 40, "batch": 4}}},
        "separation": {"decoders": {"beam": {"hypotheses": 3, "kept": 3}}},
        "tables": {"sdr": {"rows": ["mixture", "lass", "particles", "masked", "ideal_mask"]}},
    }
    small = write_config(tmp_path / "small.yaml", {"datasets": {"slakh": slakh}})
    three = [ROOT / "config" / f"{name}.yaml" for name in ("three_sources", "three_sources_anew")]
    configs = [*three, TEST_CONFIG, small]
    outcome = run(tmp_path, *SCATTER, configs=configs, targets=["results/slakh_sdr.csv"])
    assert outcome.status == 0, outcome.output
    rows = {row["method"]: row for row in records(read_csv(tmp_path / "results" / "slakh_sdr.csv"))}
    for row in rows.values():
        assert all(math.isfinite(row[f"sdr_{name}"]) for name in CLASSES)
        assert row["n"] == 3
    likelihood = read_likelihood(tmp_path / "results" / "slakh" / "likelihood.safetensors", sources=3)
    tuples, _ = likelihood.slice_of(int(likelihood.offsets.diff().argmax()))
    found = {tuple(z) for z in tuples.tolist()}
    assert found == {order for z in found for order in permutations(z)}, "a sum has no order"
