"""Models of finished runs: the rule's folder, by hand; what is not finished is refused."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config
from typer.testing import CliRunner, Result

from lass.bundle.folder import check_model
from lass.bundle.settings import Level
from lass.cli import app
from lass.config import parse_config
from lass.evaluation.tables.sdr import SCORES

ROOT = Path(__file__).parents[1]
SETTINGS = parse_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8")))
DATASET = SETTINGS.datasets["slakh"]
ROWS = dict.fromkeys(DATASET.packing("slakh").presets.methods.values())


def write_scores(path: Path, row: str, mixture: int, value: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, SCORES)
        table.writeheader()
        for source in ("drums", "bass"):
            numbers: dict[str, Any] = dict.fromkeys(list(SCORES)[3:], 1) | {"sdr": value}
            table.writerow({"method": row, "mixture": mixture, "source": source} | numbers)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with the files of the repository, of which two mixtures are scored."""
    results = tmp_path / "run" / "results"
    (results / "slakh" / "sources" / "test").mkdir(parents=True)
    (results / "slakh" / "mixtures").mkdir()
    (results / "slakh" / "mixtures" / "test.parquet").touch()
    config = {"seed": 7, "pretrained": True, "slakh": DATASET.model_dump(mode="json")}
    (results / "slakh_sdr.json").write_text(json.dumps({"config": config, "lass": "0"}))
    for row in ROWS:
        for shard in (1, 2):
            write_scores(
                results / "slakh" / "test" / "scores" / row / f"{shard}-of-2.csv", row, shard, 4.0 * shard
            )
    monkeypatch.setattr("lass.runs.open_mixtures", lambda *_: None)
    monkeypatch.setattr("lass.runs.level_of", lambda _: Level(quietest=-30, loudest=-10))
    return tmp_path / "run"


def pack(*words: object) -> Result:
    return CliRunner().invoke(app, ["pack", *map(str, words)])


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert len(result.stderr.splitlines()) == 1
    return result.stderr.removeprefix("lass: ").strip()


def test_a_finished_run_is_packed(run: Path) -> None:
    result = pack(run)
    assert result.exit_code == 0, result.output
    described = check_model(run / "results" / "slakh" / "model")
    assert result.stdout.startswith(f"{run}/results/slakh/model: ")
    assert described.sources == ["drums", "bass"]
    assert described.made["seed"] == 7
    best = described.presets["best"].result
    assert best is not None
    assert (best.metric, best.mixtures) == ("SDR", 2)
    assert refused(pack(run)).endswith(
        "is there already: choose another --out, or give --force where it is a model"
    )
    assert pack(run, "--force").exit_code == 0
    assert pack(run, "--out", run / "mine" / "model").exit_code == 0
    assert check_model(run / "mine" / "model") == described


def test_a_run_of_diffusion_priors_becomes_a_model_of_denoisers(run: Path) -> None:
    """With a preset by codes, also what that asks for: neither asks for the table, `heard` for no priors."""
    overrides = yaml.safe_load((ROOT / "config" / "diffusion.yaml").read_text(encoding="utf-8"))
    for best, parts in (("diffusion", 1), ("learned", 6), ("heard", 4)):
        values = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
        update_config(values, overrides)
        values["datasets"]["slakh"]["model"]["presets"] = {"best": best, "fast": "diffusion"}
        dataset = parse_config(values).datasets["slakh"]
        config = {"seed": 7, "pretrained": True, "slakh": dataset.model_dump(mode="json")}
        (run / "results" / "slakh_sdr.json").write_text(json.dumps({"config": config, "lass": "0"}))
        write_scores(run / "results/slakh/test/scores/diffusion/1-of-1.csv", "diffusion", 1, 5.0)
        assert pack(run, "--out", run / best).exit_code == 0
        described = check_model(run / best)
        assert "denoisers/songs.safetensors" in described.files
        assert len(described.files) == parts
        fast = described.presets["fast"].result
        assert fast is not None
        assert fast.mean == 5.0
        assert (described.codebook is None) == (best == "diffusion")


def test_what_is_not_finished_is_refused(run: Path) -> None:
    results = run / "results"
    row = next(iter(ROWS))
    (results / "slakh" / "test" / "scores" / row / "2-of-2.csv").unlink()
    assert re.search(
        rf"scores/{row} has 1 shards of scores, and not all: finish the run first", refused(pack(run))
    )
    (results / "slakh" / "mixtures" / "test.parquet").unlink()
    assert refused(pack(run)).startswith(
        f"{results}/slakh/mixtures/test.parquet is not there: finish the run"
    )
    (results / "slakh_sdr.json").write_text("{}")
    assert "holds no settings that this lass reads (KeyError): make the table again" in refused(pack(run))
    (results / "slakh_sdr.json").unlink()
    assert refused(pack(run)).startswith(
        f"{results}/<dataset>_sdr.json (of images psnr) is not there: finish"
    )
    assert refused(pack(run / "gone")) == f"{run}/gone has no results in it: give the folder of a run"


def test_one_data_set_of_several_is_named(run: Path) -> None:
    (run / "results" / "mnist_psnr.json").write_text("{}")
    line = refused(pack(run))
    assert line == f"{run}/results is about slakh, mnist: name one of them with --dataset"
    assert pack(run, "--dataset", "slakh").exit_code == 0


def test_nothing_is_left_of_a_model_that_cannot_be_packed(run: Path) -> None:
    for row in ROWS:
        for shard in (1, 2):
            path = run / "results" / "slakh" / "test" / "scores" / row / f"{shard}-of-2.csv"
            write_scores(path, f"not_{row}", shard, 0.0)
    assert re.match(r"the scores have no row '\w+', which preset \w+ is: score it first", refused(pack(run)))
    assert not list((run / "results" / "slakh").glob("*model*"))
