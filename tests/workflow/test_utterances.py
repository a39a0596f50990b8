"""Recordings of single sources from the files to the table: two voices, and a voice and a hum of packages."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.data.table import read_mixtures
from lass.evaluation.tables.files import read_csv, records
from lass.likelihood.tensor import read_likelihood
from tests.workflow.recordings import write_packages, write_recordings
from tests.workflow.runner import ROOT, SCATTER, run, small_audio, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EXAMPLE = ROOT / "config" / "utterances.yaml"


def voice_and_hum(root: Path) -> dict[str, Any]:
    """The example with sources of two classes, out of packages."""
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["datasets"]["speech"]
    small = small_audio("speech", "hum")
    priors = {name: {**prior, "classes": [name]} for name, prior in small["priors"].items()}
    return {
        **example,
        **small,
        "source": "packages",
        "root": str(root),
        "packages": write_packages(root, "speech", "hum", train=8, validation=4, test=6),
        "classes": ["speech", "hum"],
        "mixtures": {**small["mixtures"], "pairing": "apart"},
        "codec": {**example["codec"], **small["codec"]},
        "priors": priors,
        "separation": {
            "priors": {"speech": "speech", "hum": "hum"},
            "batch": 2,
            "precision": "float32",
            "decoders": {"beam": {"kind": "beam", "hypotheses": 4, "likelihood_weight": 8.0, "kept": 4}},
            "methods": {"lass": {"decoder": "beam"}},
        },
        "tables": {"sdr": {"rows": ["mixture", "lass"]}},
    }


def test_tables_of_recordings(tmp_path: Path) -> None:
    """Both data sets in one run."""
    root, results = tmp_path / "recordings", tmp_path / "results"
    write_recordings(root, "speech", "hum", "hiss", train=4, validation=2, test=3)
    speech = small_audio("speech") | {"root": str(root), "files": {"speech": ["speech", "hum", "hiss"]}}
    speech["tables"] = {"sdr": {"rows": ["mixture", "lass", "ideal_mask"]}}
    values = {"device": "cpu", "pretrained": False}
    values |= {"datasets": {"speech": speech, "noisy": voice_and_hum(tmp_path / "packages")}}
    configs = [EXAMPLE, write_config(tmp_path / "small.yaml", values)]
    targets = ["results/speech_sdr.csv", "results/speech_sdr_failures.csv", "results/noisy_sdr.csv"]
    outcome = run(tmp_path, *SCATTER, configs=configs, targets=targets)
    assert outcome.status == 0, outcome.output

    rows = {row["method"]: row for row in records(read_csv(results / "speech_sdr.csv"))}
    assert list(rows) == ["mixture", "lass", "ideal_mask"]
    for row in rows.values():
        assert row["n"] == 4
        sources = [value for name, value in row.items() if name.startswith("sdr_speech")]
        assert len(sources) == 2, "both voices have a column"
        assert all(math.isfinite(value) for value in sources)
    assert rows["ideal_mask"]["sdr_avg"] > rows["mixture"]["sdr_avg"]
    noisy = {row["method"]: row for row in records(read_csv(results / "noisy_sdr.csv"))}
    assert list(noisy) == ["mixture", "lass"]
    assert all(math.isfinite(row[f"sdr_{name}"]) for row in noisy.values() for name in ("speech", "hum"))

    for name, classes in (("speech", ["speech", "speech"]), ("noisy", ["speech", "hum"])):
        mixtures = read_mixtures(results / name / "mixtures" / "test.parquet").to_pylist()
        assert len(mixtures) == 4
        assert all(row["sources"] == classes for row in mixtures)
        assert all(len(set(row["items"])) == 2 for row in mixtures), "never of one recording"
    assert (results / "noisy/recordings/test/Licences/hum").is_file(), "the licence stays with what it is of"
    assert len([*(results / "noisy/recordings/test/hum").rglob("*.flac")]) == 3, "joined to three seconds"
    failures = {row["method"]: row for row in records(read_csv(results / "speech_sdr_failures.csv"))}
    assert list(failures) == ["mixture", "lass", "ideal_mask"]
    assert failures["ideal_mask"]["failures"] == 0.0
    assert failures["ideal_mask"]["swaps_per_minute"] == 0.0
    assert failures["lass"]["minutes"] == failures["ideal_mask"]["minutes"] > 0, "judged by the sources alone"
    likelihood = read_likelihood(results / "speech" / "likelihood.safetensors", sources=2)
    tuples, _ = likelihood.slice_of(int(likelihood.offsets.diff().argmax()))
    found = {tuple(z) for z in tuples.tolist()}
    assert found == {z[::-1] for z in found}, "nothing tells two voices apart"
