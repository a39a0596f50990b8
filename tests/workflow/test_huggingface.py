"""Songs by a codec of Hugging Face: tokenised, counted, priors trained, separated; with config/dac.yaml."""

import math
from pathlib import Path

import pytest

from lass.evaluation.tables.files import read_csv, records
from lass.models.headers import describe_checkpoint
from lass.models.pretrained.registry import convert_files
from lass.tokens import codebook_of, read_tokens
from tests.models.pretrained.huggingface_folders import tiny_folder
from tests.workflow.recordings import write_songs
from tests.workflow.runner import ROOT, SCATTER, run, small_audio, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
CLASSES = ("vocals", "accompaniment")


def test_a_table_of_songs_by_a_public_codec(tmp_path: Path) -> None:
    tiny_folder(tmp_path / "public", "dac")
    codec = convert_files("dac", [tmp_path / "public"], tmp_path / "model", options={})
    identity = describe_checkpoint(codec, "dac")["provenance"]["codebook"]
    write_songs(tmp_path / "songs", train=3, test=1)
    mine = small_audio(*CLASSES) | {"root": str(tmp_path / "songs"), "held_out": 1}
    mine["codec"] |= {"checkpoint": str(codec)}
    mine["tables"] = {"sdr": {"rows": ["mixture", "lass", "particles", "codec_ceiling", "ideal_mask"]}}
    small = write_config(tmp_path / "small.yaml", {"device": "cpu", "datasets": {"dac": mine}})
    configs, results = [ROOT / "config" / "dac.yaml", small], tmp_path / "results"
    outcome = run(tmp_path, *SCATTER, configs=configs, targets=["results/dac_sdr.csv"])
    assert outcome.status == 0, outcome.output
    rows = {row["method"]: row for row in records(read_csv(results / "dac_sdr.csv"))}
    assert list(rows) == ["mixture", "lass", "particles", "codec_ceiling", "ideal_mask"]
    assert all(math.isfinite(row["sdr_avg"]) and row["n"] == 4 for row in rows.values())
    assert rows["ideal_mask"]["sdr_avg"] > rows["mixture"]["sdr_avg"]
    assert not (results / "dac" / "codec.safetensors").exists(), "a codec was trained, although one is given"
    for split in ("train", "validation"):
        tokens = read_tokens(sorted((results / "dac" / "tokens" / split).glob("*.parquet")))
        assert codebook_of(tokens) == (identity, 32)
    for name in CLASSES:
        prior = describe_checkpoint(results / "dac" / "priors" / f"{name}.safetensors", "transformer")
        assert prior["shape"]["codes"] == 32
        assert prior["provenance"]["codebook"] == identity
