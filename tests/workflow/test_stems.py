"""A folder of songs with a file per stem from the files to the table, with config/stems.yaml."""

import json
import math
from pathlib import Path

import pytest

from lass.data.audio.tracks import open_tracks
from lass.data.settings import AudioLibrarySettings
from lass.evaluation.tables.files import read_csv, records
from lass.models.headers import describe_checkpoint
from tests.workflow.recordings import write_songs
from tests.workflow.runner import ROOT, SCATTER, run, small_audio, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_a_table_of_songs_in_the_layout_of_musdb(tmp_path: Path) -> None:
    root = tmp_path / "musdb"
    write_songs(root, train=5, test=2)
    stems = small_audio("vocals", "accompaniment") | {"root": str(root), "held_out": 2}
    stems["tables"] = {"sdr": {"rows": ["mixture", "repet", "particles", "ideal_mask"]}}
    small = write_config(
        tmp_path / "small.yaml", {"device": "cpu", "pretrained": False, "datasets": {"stems": stems}}
    )
    configs, results = [ROOT / "config" / "stems.yaml", small], tmp_path / "results"
    outcome = run(tmp_path, *SCATTER, configs=configs, targets=["results/stems_sdr.csv"])
    assert outcome.status == 0, outcome.output
    rows = {row["method"]: row for row in records(read_csv(results / "stems_sdr.csv"))}
    assert list(rows) == ["mixture", "repet", "particles", "ideal_mask"]
    for row in rows.values():
        assert row["n"] == 4
        assert all(math.isfinite(row[f"sdr_{name}"]) for name in ("avg", "vocals", "accompaniment"))
    assert rows["ideal_mask"]["sdr_avg"] > rows["mixture"]["sdr_avg"]
    data = AudioLibrarySettings(rate=8000, classes=("vocals", "accompaniment"))
    splits = {
        name: open_tracks(results / "stems" / "sources" / name, data).items
        for name in ("train", "validation", "test")
    }
    assert [len(items) for items in splits.values()] == [3, 2, 2]
    assert not set(splits["train"]) & set(splits["validation"]), "validation songs are held out of train"
    made = json.loads((results / "stems_sdr.json").read_text(encoding="utf-8"))
    assert made["config"]["stems"]["files"] == {"accompaniment": ["drums", "bass", "other"]}
    assert list(made["computed"]) == list(rows)
    assert all([way["precision"] for way in ways] == ["float32"] for ways in made["computed"].values())
    logs = [
        *(results / "logs" / "draw_candidates").rglob("*.log"),
        *(results / "logs").glob("train_*/**/*.log"),
    ]
    assert len(logs) > 3
    assert all("precision float32 (configured: float32), device" in log.read_text() for log in logs)
    codec = describe_checkpoint(results / "stems" / "codec.safetensors", "vqvae")
    assert codec["provenance"]["precision"] == "float32"
