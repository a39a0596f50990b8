"""Pages of finished runs: which tables and files are taken, and what is said of those that are missing."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from lass.config import parse_config
from lass.data.estimates import write_estimates
from lass.data.mixtures import open_mixtures
from lass.data.settings import AudioLibrarySettings
from lass.data.table import Place, mixture_table, write_mixtures
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.sdr import SCORES
from lass.pages.run import markdown_of_run, page_of_run, tables_of_run
from lass.settings import Computed
from tests.data.sources import write_library

ROOT = Path(__file__).parents[2]
RATE, LENGTH, MIXTURES = 16_000, 48_000, 5
SLAKH = parse_config(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))).datasets[
    "slakh"
]
METHODS = ("mixture", "lass", "ideal_mask")


def write_shards(folder: Path, method: str, *, of: int, estimates: np.ndarray) -> None:
    """Estimates [M, N, T] of a method, and their scores, in so many shards."""
    for place, items in enumerate(np.array_split(np.arange(len(estimates)), of), start=1):
        shard = f"{place}-of-{of}"
        write_estimates(
            folder / method / f"{shard}.safetensors",
            items=items.tolist(),
            estimates=estimates[items],
            computed=[Computed(precision="float32", device="CPU")],
        )
        rows = [
            dict.fromkeys(SCORES, 0) | {"method": method, "mixture": item, "source": source}
            for item in items.tolist()
            for source in ("drums", "bass")
        ]
        write_csv(pd.DataFrame(rows, columns=list(SCORES)), path=folder / "scores" / method / f"{shard}.csv")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a table of two methods to hear, and one that changes nothing."""
    results = tmp_path / "run" / "results"
    rng = np.random.default_rng(0)
    waves = 0.1 * rng.normal(size=(2, 2 * LENGTH)).astype(np.float32)
    folder = results / "slakh"
    sources = {"song": {"drums": waves[0], "bass": waves[1]}}
    write_library(folder / "sources" / "test", sources, rate=RATE)
    places = [[Place("song", 100 * start)] * 2 for start in range(MIXTURES)]
    classes = [["drums", "bass"]] * MIXTURES
    listed = mixture_table(places, sources=classes, weights=[0.5, 0.5], length=LENGTH)
    write_mixtures(folder / "mixtures" / "test.parquet", listed)
    opened = open_mixtures(
        folder / "sources" / "test",
        folder / "mixtures" / "test.parquet",
        AudioLibrarySettings(rate=RATE, classes=("drums", "bass")),
    )
    true = opened.load(range(MIXTURES)).sources
    for method in METHODS:
        write_shards(folder / "test", method, of=2, estimates=true / 2)
    table = {"method": list(METHODS), "sdr_avg": [0.0, 1.0, 2.0], "n": [MIXTURES] * 3}
    write_csv(pd.DataFrame(table), path=results / "slakh_sdr.csv")
    config = SLAKH.model_dump(mode="json") | {"root": "/home/someone/songs"}
    config["source"] = "slakh"
    config["tables"] = {"sdr": {"rows": list(METHODS), "split": "test"}}
    made = {"config": {"seed": 3, "pretrained": True, "slakh": config}, "lass": "0.1", "split": "test"}
    made["computed"] = {method: [{"precision": "float32", "device": "CPU"}] for method in METHODS}
    (results / "slakh_sdr.json").write_text(json.dumps(made), encoding="utf-8")
    return tmp_path / "run"


def change(run: Path, **values: Any) -> None:
    path = run / "results" / "slakh_sdr.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(made | values), encoding="utf-8")


def test_a_page_of_the_only_table(run: Path, tmp_path: Path) -> None:
    assert tables_of_run(run) == tables_of_run(run / "results") == ["slakh_sdr"]
    path = page_of_run(run)
    assert path == run / "results" / "slakh_sdr.html"
    text = path.read_text(encoding="utf-8")
    assert text.count('<section class="mixture"') == 4
    assert 'data-label="bass by ideal_mask"' in text
    assert "by mixture" not in text, "that is heard as the mixture"
    assert "5, of the split test" in text
    assert "float32 on CPU" in text
    assert "/home/someone" not in text, "a page is passed on"
    other = page_of_run(run / "results", "slakh_sdr", out=tmp_path / "a.html", mixtures=2)
    assert other.read_text(encoding="utf-8").count('<section class="mixture"') == 2


def test_a_table_as_markdown(run: Path) -> None:
    with pytest.raises(ValueError, match="lack the columns sdr_se"):
        markdown_of_run(run)
    row = {"method": "lass", "sdr_avg": 1.0, "sdr_drums": 0.5, "sdr_bass": 1.5, "n": 5, "sdr_se": 0.25}
    row |= {"si_sdr_avg": 2.0, "sir_avg": 3.0}
    write_csv(pd.DataFrame([row]), path=run / "results" / "slakh_sdr.csv")
    head, _, line = markdown_of_run(run, "slakh_sdr").splitlines()
    assert [cell.strip() for cell in head.split("|")[1:3]] == ["method", "SDR avg"]
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells == ["lass", "1.00 ± 0.25", "0.50", "1.50", "2.00", "3.00", "5"]


def test_the_newest_whole_set_of_shards_is_taken(run: Path) -> None:
    first = page_of_run(run).read_bytes()
    folder = run / "results" / "slakh" / "test"
    write_shards(folder, "lass", of=3, estimates=np.ones((MIXTURES, 2, LENGTH), dtype=np.float32))
    assert page_of_run(run).read_bytes() != first
    for path in (folder / "lass").glob("*-of-2.safetensors"):
        os.utime(path, (2e9, 2e9))
    assert page_of_run(run).read_bytes() == first
    (folder / "lass" / "1-of-2.safetensors").unlink()
    (folder / "lass" / "1-of-3.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"test/lass lacks estimates.*results/slakh_sdr\.html"):
        page_of_run(run)


def test_several_tables_are_told_apart(run: Path) -> None:
    results = run / "results"
    for suffix in ("csv", "json"):
        (results / f"slakh_other.{suffix}").write_bytes((results / f"slakh_sdr.{suffix}").read_bytes())
    with pytest.raises(ValueError, match="has the tables slakh_other, slakh_sdr: name one"):
        page_of_run(run)
    with pytest.raises(ValueError, match=r"slakh_other\.json is about tables of other names"):
        page_of_run(run, "slakh_other")
    with pytest.raises(FileNotFoundError, match="has no table 'sdr': name one of slakh_other, slakh_sdr"):
        page_of_run(run, "sdr")
    assert page_of_run(run, "slakh_sdr").is_file()


def add_table(run: Path, name: str, made: dict[str, Any], **columns: list[Any]) -> None:
    write_csv(pd.DataFrame(columns), path=run / "results" / f"{name}.csv")
    (run / "results" / f"{name}.json").write_text(json.dumps(made), encoding="utf-8")


@pytest.mark.parametrize("said", [True, False])
def test_tables_of_distances_and_shifts_are_printed_and_have_no_page(run: Path, said: bool) -> None:
    """Also where they are of a version that did not say what they are about."""
    about: dict[str, Any] = {"config": {}, "lass": "0.1"}
    fid = about | {"split": "test", "computed": {}, "network": "0a"} | ({"kind": "distances"} if said else {})
    shifts = about | ({"kind": "shifts"} if said else {})
    add_table(run, "faces_fid", fid, method=["lass"], fid=[12.25], images=[8], reference_images=[None])
    add_table(run, "slakh_shifts", shifts, shift=["none"], method=["lass"], sdr=[1.0], n=[5])
    assert tables_of_run(run) == ["slakh_sdr"]
    assert page_of_run(run).name == "slakh_sdr.html"
    lines = markdown_of_run(run, "faces_fid").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["method", "fid", "images", "reference_images"]
    assert cells[2] == ["lass", "12.25", "8", "-"]
    line = markdown_of_run(run, "slakh_shifts").splitlines()[2]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == ["none", "lass", "1.00", "5"]
    with pytest.raises(ValueError, match="faces_fid is a table of distances, which has no page"):
        page_of_run(run, "faces_fid")
    with pytest.raises(FileNotFoundError, match="name one of faces_fid, slakh_sdr, slakh_shifts"):
        markdown_of_run(run, "fid")
    with pytest.raises(FileNotFoundError, match=r"name one of slakh_sdr$"):
        page_of_run(run, "fid")
    (run / "results/slakh_sdr.csv").unlink()
    with pytest.raises(FileNotFoundError, match="has no table with its settings"):
        page_of_run(run)
    with pytest.raises(ValueError, match="has the tables faces_fid, slakh_shifts: name one"):
        markdown_of_run(run)


def test_a_table_may_have_a_name_like_that_of_distances(run: Path) -> None:
    results = run / "results"
    made = json.loads((results / "slakh_sdr.json").read_text(encoding="utf-8"))
    made["config"]["slakh"]["tables"]["my_fid"] = made["config"]["slakh"]["tables"]["sdr"]
    (results / "slakh_my_fid.json").write_text(json.dumps(made | {"kind": "scores"}), encoding="utf-8")
    (results / "slakh_my_fid.csv").write_bytes((results / "slakh_sdr.csv").read_bytes())
    assert tables_of_run(run) == ["slakh_my_fid", "slakh_sdr"]
    assert page_of_run(run, "slakh_my_fid").is_file()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"config": {"slakh": {"kind": "audio", "tables": {"sdr": {}}}}}, r"slakh_sdr\.json: .*by lass 0\.1"),
        ({"config": {"seed": 0}}, "tables of other names"),
        ({"split": "train"}, r"slakh/train/lass lacks estimates, or some of them"),
    ],
)
def test_settings_that_are_not_understood(run: Path, values: dict[str, Any], message: str) -> None:
    change(run, **values)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        page_of_run(run)


def test_files_that_are_missing_or_damaged(run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        page_of_run(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="has no table with its settings"):
        page_of_run(tmp_path)
    with pytest.raises(ValueError, match=r"0 mixtures for .*: ask for at least 1"):
        page_of_run(run, mixtures=0)
    with pytest.raises(ValueError, match=r"give it a name that ends in \.html"):
        page_of_run(run, out=tmp_path / "page.txt")
    estimates = run / "results/slakh/test/lass/1-of-2.safetensors"
    kept = estimates.read_bytes()
    write_estimates(
        estimates,
        items=[7],
        estimates=np.zeros((1, 2, LENGTH)),
        computed=[Computed(precision="float32", device="CPU")],
    )
    with pytest.raises(ValueError, match="test/lass: no estimates of mixture 0: separate"):
        page_of_run(run)
    estimates.write_bytes(kept[:100])
    with pytest.raises(ValueError, match=r"lass/1-of-2\.safetensors: damaged"):
        page_of_run(run)
    estimates.write_bytes(kept)
    (run / "results/slakh/test/scores/lass/2-of-2.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"scores/lass/2-of-2\.csv does not exist"):
        page_of_run(run)
    (run / "results/slakh_sdr.json").write_text("[", encoding="utf-8")
    with pytest.raises(ValueError, match=r"slakh_sdr\.json is not JSON"):
        page_of_run(run)
    assert not list(tmp_path.rglob("*.html"))
