"""A finished run of every rule: what it holds, and what would run again after a change."""

import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lass.api import Separator
from lass.bundle.folder import check_model
from lass.evaluation.tables.files import read_csv, records
from lass.evaluation.tables.sdr import Sdr
from lass.pages.run import page_of_run
from tests.workflow.runner import (
    FINAL,
    ROOT,
    SCATTER,
    TEST_CONFIG,
    copy_run,
    digests,
    dry_run,
    name_of,
    run,
    write_config,
)

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABULATED = {"tabulate_scores", "draw_page", "all"}
AFTER_A_METHOD = TABULATED | {"separate_mixtures", "score_estimates", "show_separations"}
AFTER_A_DECODER = AFTER_A_METHOD | {"draw_candidates"}
AFTER_A_PRIOR = AFTER_A_DECODER | {"evaluate_priors", "gather_tables"}
AFTER_THE_COUNTS = AFTER_A_DECODER | {"count_tuples", "merge_counts", "measure_density", "gather_tables"}
METHODS = [
    "hpss",
    "conv_tasnet",
    "lass",
    "particles",
    "masked",
    "learned",
    "codec_ceiling",
    "ideal_mask",
]


def test_table(toy: Path) -> None:
    path = toy / "results" / "slakh_sdr.csv"
    assert path.read_text().startswith("method,sdr_avg,sdr_drums,sdr_bass,n,")
    rows = {row["method"]: row for row in records(read_csv(path))}
    assert list(rows) == ["mixture", *METHODS]
    for row in rows.values():
        assert row["n"] == 6
        assert all(math.isfinite(row[f"sdr_{name}"]) for name in ("avg", "drums", "bass"))
    assert rows["ideal_mask"]["sdr_avg"] > rows["mixture"]["sdr_avg"]
    assert len({rows[name]["sdr_avg"] for name in ("lass", "particles", "masked", "learned")}) == 4
    assert rows["lass"]["uncounted"] is not None
    assert rows["mixture"]["uncounted"] is None, "the unprocessed mixture has no codes"
    assert len(Sdr.format(path).splitlines()) == 10


def test_likelihood_and_priors_are_reported(toy: Path) -> None:
    [density] = records(read_csv(toy / "results" / "density.csv"))
    assert 0 < density["density"] <= 1
    assert 0.5 < density["coverage"] <= 1
    assert density["entries"] == round(density["density"] * 32**3)
    priors = records(read_csv(toy / "results" / "priors.csv"))
    assert [row["source"] for row in priors] == ["drums", "bass"]
    assert {(row["dataset"], row["split"]) for row in priors} == {("slakh", "validation")}
    assert all(0 < row["nll_per_token"] < row["uniform"] for row in priors), "they have learnt something"


def test_examples_can_be_heard(toy: Path) -> None:
    files = sorted((toy / "results" / "slakh_examples").glob("*.flac"))
    kinds = {path.stem.split("_", 1)[1] for path in files}
    assert kinds == {"mixture"} | {
        f"{name}_{what}" for name in ("drums", "bass") for what in ("true", *METHODS)
    }
    assert {soundfile.info(path).frames for path in files} == {16_000}


def test_the_demo_prints_its_table(toy: Path, tmp_path: Path) -> None:
    """And says what runs, and where everything is; here a row of the table is not there."""
    directory = copy_run(toy, tmp_path / "run")
    shutil.rmtree(directory / "results/slakh/test/scores/hpss")
    (directory / "results/slakh_sdr.csv").unlink()  # or nobody asks for the scores
    line = [sys.executable, "workflow/demo.py", "--cores", "2", "--configfile", str(TEST_CONFIG)]
    line += ["--directory", str(directory), *SCATTER]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert Sdr.format(toy / "results" / "slakh_sdr.csv") in done.stdout
    assert ": scoring\n" in done.stdout
    assert f"{directory}/results/slakh_examples/" in done.stdout
    assert "rule score_estimates:" in (directory / "demo.log").read_text(encoding="utf-8")


def test_a_demo_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    config = write_config(tmp_path / "wrong.yaml", {"sead": 1})
    line = [sys.executable, "workflow/demo.py", "--cores", "1", "--configfile", str(config)]
    done = subprocess.run(
        [*line, "--directory", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "sead" in done.stdout
    assert f"see {tmp_path}/demo.log" in done.stdout


def test_second_run_has_nothing_to_do(toy: Path) -> None:
    before = digests(toy, *FINAL)
    outcome = run(toy, *SCATTER)
    assert outcome.status == 0
    assert "Nothing to be done" in outcome.output
    assert digests(toy, *FINAL) == before


def test_report(toy: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    outcome = run(toy, *SCATTER, "--report", page)
    assert outcome.status == 0, outcome.output
    text = page.read_text(encoding="utf-8")
    assert "System Message" not in text, "a caption is not valid reStructuredText"
    assert "slakh_sdr.png" in text
    assert "slakh_sdr.html" in text


def test_a_page_of_the_finished_run_is_that_of_the_rule(toy: Path, tmp_path: Path) -> None:
    page = page_of_run(toy, "slakh_sdr", out=tmp_path / "page.html", mixtures=1)
    assert page.read_bytes() == (toy / "results/slakh_sdr.html").read_bytes()


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({"window": 0.5}, {"score_estimates", "show_separations", *TABULATED}),
        ({"residual": {"strength": 3.0}}, AFTER_A_METHOD),
        ({"separation": {"methods": {"lass": {"choice": "remix"}}}}, AFTER_A_METHOD),
        ({"separation": {"decoders": {"beam": {"likelihood_weight": 2.0}}}}, AFTER_A_DECODER),
        ({"separation": {"decoders": {"greedy": {"likelihood_weight": 2.0}}}}, TABULATED),
        ({"priors": {"bass": {"dropout": 0.5}}}, AFTER_A_PRIOR | {"train_prior"}),
        ({"likelihood": {"tuples": 1000}}, AFTER_THE_COUNTS),
        ({"likelihood": {"network": {"width": 8}}}, AFTER_A_DECODER | {"train_network"}),
        ({"supervised": {"conv_tasnet": {"training": {"clip": 1.0}}}}, AFTER_A_METHOD | {"train_separator"}),
        ({"priors": {"spare": None}}, set()),
        ({"pictures": 1}, {"show_separations", *TABULATED}),
    ],
    ids=name_of,
)
def test_a_change_reruns_what_depends_on_it(
    toy: Path, tmp_path: Path, values: dict[str, Any], rules: set[str]
) -> None:
    config = write_config(tmp_path / "change.yaml", {"datasets": {"slakh": values}})
    outcome = dry_run(toy, *SCATTER, configs=[TEST_CONFIG, config])
    assert outcome.status == 0, outcome.output
    assert set(outcome.jobs) == rules
    # of the two priors the one that was changed, of the nine methods those that have priors or are trained
    assert outcome.jobs.get("train_prior", 0) <= 1
    assert outcome.jobs.get("separate_mixtures", 0) <= 4


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({"device": "auto"}, set()),
        ({"evaluation": {"examples": 2}}, {"show_separations", "draw_page", "all"}),
        ({"datasets": {"mnist": {"held_out": 7}}}, set()),
        ({"seed": 1}, None),
    ],
    ids=name_of,
)
def test_a_change_outside_the_data_set(
    toy: Path, tmp_path: Path, values: dict[str, Any], rules: set[str] | None
) -> None:
    config = write_config(tmp_path / "change.yaml", values)
    outcome = dry_run(toy, *SCATTER, configs=[TEST_CONFIG, config])
    assert outcome.status == 0, outcome.output
    if rules is None:
        assert outcome.jobs["compose_songs"] == 3, "everything derives from the seed"
    else:
        assert set(outcome.jobs) == rules


def test_swapped_prior_is_the_only_new_training(toy: Path, tmp_path: Path) -> None:
    copy = copy_run(toy, tmp_path / "copy")
    bass = copy / "results" / "slakh" / "priors" / "bass.safetensors"
    given = bass.rename(tmp_path / "mine.safetensors")
    checkpoints = {"drums": {"checkpoint": None}, "bass": {"checkpoint": str(given)}}
    slakh = {"codec": {"checkpoint": None}, "priors": checkpoints}
    config = write_config(tmp_path / "change.yaml", {"pretrained": True, "datasets": {"slakh": slakh}})
    outcome = dry_run(copy, *SCATTER, configs=[TEST_CONFIG, config])
    assert set(outcome.jobs) == AFTER_A_PRIOR


def test_a_run_is_packed_into_a_model_that_separates(toy: Path, tmp_path: Path) -> None:
    folder = copy_run(toy, tmp_path / "run")
    outcome = run(folder, *SCATTER, targets=["results/slakh/model"])
    assert outcome.jobs.keys() == {"pack_model"}, outcome.output
    described = check_model(folder / "results" / "slakh" / "model")
    assert list(described.presets) == ["best", "paper"]
    assert described.presets["best"].result is not None
    [table] = [
        row for row in records(read_csv(toy / "results" / "slakh_sdr.csv")) if row["method"] == "learned"
    ]
    assert described.presets["best"].result.mean == pytest.approx(table["sdr_avg"], abs=1e-4)
    separator = Separator.load(folder / "results" / "slakh" / "model", device="cpu")
    rng = np.random.default_rng(0)
    song = (0.05 * rng.standard_normal((2, 6000))).astype(np.float32)
    separation = separator.separate(song, 4000, preset="paper")
    np.testing.assert_allclose(separation["drums"] + separation["bass"], song, atol=1e-5)
