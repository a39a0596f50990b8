"""Data sets of fewer training songs: what is trained, what is shared, and the table of all."""

from pathlib import Path

import pandas as pd
import pytest

from lass.evaluation.tables.files import read_csv
from tests.workflow.runner import ROOT, dry_run, run, write_config

pytestmark = pytest.mark.workflow

CONFIG = ROOT / "config" / "fewer_songs.yaml"


def test_each_set_trains_its_own_models(tmp_path: Path) -> None:
    outcome = dry_run(tmp_path, targets=["results/sdr.csv"], configs=[CONFIG])
    assert outcome.status == 0, outcome.output
    trained = {name: number for name, number in outcome.jobs.items() if name.startswith("train_")}
    assert trained == {
        "train_codec": 4,
        "train_network": 4,
        "train_denoiser": 4,
        "train_separator": 4,
    }
    assert outcome.jobs["compose_songs"] == 4 * 3
    assert outcome.jobs["tabulate_scores"] == 4
    assert outcome.jobs["gather_tables"] == 1


def test_targets_without_the_table_are_named(tmp_path: Path) -> None:
    outcome = dry_run(tmp_path, targets=["results/psnr.csv"], configs=[CONFIG])
    assert outcome.status == 1
    assert "has a table psnr: name one that has" in outcome.output


@pytest.mark.slow
def test_the_table_of_all_names_the_data_set(tmp_path: Path) -> None:
    """From tables that are there."""
    config = write_config(tmp_path / "two.yaml", {"targets": ["songs_4", "songs_16", "mnist"]})
    (tmp_path / "results").mkdir()
    for number, value in ((4, 1.5), (16, 2.5)):
        table = pd.DataFrame({"method": ["diffusion"], "sdr_avg": [value]})
        table.to_csv(tmp_path / "results" / f"songs_{number}_sdr.csv", index=False)
    outcome = run(
        tmp_path, "--allowed-rules", "gather_tables", targets=["results/sdr.csv"], configs=[CONFIG, config]
    )
    assert outcome.status == 0, outcome.output
    rows = read_csv(tmp_path / "results" / "sdr.csv")
    assert rows["dataset"].tolist() == ["songs_4", "songs_16"]
    assert rows["sdr_avg"].tolist() == [1.5, 2.5]
