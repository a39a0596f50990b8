"""A finished run of images, on small real digits: what it holds, and what would run again after a change."""

import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lass.data.estimates import read_estimates
from lass.evaluation.tables.files import read_csv, records
from lass.evaluation.tables.psnr import Psnr
from lass.tokens import read_candidates, read_tokens, without_copies
from tests.workflow.launching import Outcome
from tests.workflow.runner import (
    FINAL_IMAGES,
    IMAGE_TARGETS,
    SCATTER,
    TEST_CONFIG,
    digests,
    dry_run,
    name_of,
    write_config,
)

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABULATED = {"tabulate_scores", "draw_page", "all"}
TABLES = TABULATED | {"show_separations"}
AFTER_A_METHOD = TABLES | {"separate_mixtures", "score_estimates"}
AFTER_A_DECODER = AFTER_A_METHOD | {"draw_candidates"}
AFTER_A_PRIOR = AFTER_A_DECODER | {"evaluate_priors", "gather_tables", "train_prior"}


def test_table_of_the_test_mixtures(toy_images: Path) -> None:
    path = toy_images / "results" / "mnist_psnr.csv"
    rows = {row["method"]: row for row in records(read_csv(path))}
    assert list(rows) == ["nmf", "frames"]
    assert all(row["n"] == 6 and math.isfinite(row["psnr_mean"]) for row in rows.values())
    assert len(Psnr.format(path).splitlines()) == 3
    decoders = records(read_csv(path.with_name("mnist_decoders.csv")))
    assert [(row["method"], row["n"]) for row in decoders] == [("greedy", 4), ("codec_ceiling", 4)]


def test_likelihood_priors_and_times_are_reported(toy_images: Path) -> None:
    results = toy_images / "results"
    [density] = records(read_csv(results / "density.csv"))
    assert density["dataset"] == "mnist"
    assert 0 < density["density"] <= 1
    priors = records(read_csv(results / "priors.csv"))
    assert [row["split"] for row in priors] == ["validation"] * 11 + ["test"] * 11
    assert [row["source"] == "all" for row in priors] == ([False] * 10 + [True]) * 2
    assert all(0 < row["nll_per_token"] < row["uniform"] for row in priors), "they have learnt something"
    timing = records(read_csv(results / "timing.csv"))
    assert [row["method"] for row in timing] == ["nmf", "frames"], "every row of the table"
    for row in timing:
        assert (row["dataset"], row["n"], row["precision"]) == ("mnist", 6, "float32"), "all mixtures"
        assert row["seconds_mean"] > 0
        assert 50 < row["memory"] < 4000, "MiB"


def test_every_file_holds_what_it_should(toy_images: Path) -> None:
    mnist = toy_images / "results" / "mnist"
    train = read_tokens([mnist / "tokens" / "train" / "1-of-1.parquet"])
    assert len(train) == 2 * len(without_copies(train)) == 2 * 1200
    assert len(read_tokens([mnist / "tokens" / "test" / "1-of-1.parquet"])) == 300
    estimates = read_estimates([mnist / "test" / "frames" / "1-of-1.safetensors"])
    assert {image.shape for image in estimates.values()} == {(2, 784)}
    candidates = read_candidates([mnist / "test" / "candidates" / "frames" / "1-of-1.parquet"])
    assert list(candidates) == list(estimates) == list(range(6))
    assert candidates[0]["codes"].shape[1:] == (2, 49)


def test_figure_and_examples_can_be_looked_at(toy_images: Path) -> None:
    with Image.open(toy_images / "results" / "mnist_separations.png") as picture:
        assert min(picture.size) > 100
    files = sorted((toy_images / "results" / "mnist_examples").glob("[!.]*"))
    assert {path.suffix for path in files} == {".png"}
    assert len(files) == 1 + 2 * 3, "a mixture, its two sources, and what two methods made of them"


def test_candidates_can_be_looked_at(toy_images: Path) -> None:
    """A row of mixtures, two of sources, and two of each of four candidates."""
    page = (toy_images / "results" / "mnist_candidates.html").read_text(encoding="utf-8")
    assert "<h3>candidate 4</h3>" in page
    with Image.open(toy_images / "results" / "mnist_candidates.png") as picture:
        width, height = picture.size
    assert height > 11 * 28
    assert width > 2 * 28


def rerun(toy: Path, values: dict[str, Any], tmp_path: Path) -> Outcome:
    """What would run with other `values` of mnist."""
    change = write_config(tmp_path / "change.yaml", {"datasets": {"mnist": values}})
    configs = [TEST_CONFIG, toy / "images.yaml", change]
    outcome = dry_run(toy, *SCATTER, configs=configs, targets=IMAGE_TARGETS)
    assert outcome.status == 0, outcome.output
    return outcome


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({"mirrors": ["http://elsewhere"]}, TABULATED),
        ({"separation": {"methods": {"greedy": {"averaging": 1.0}}}}, AFTER_A_METHOD - {"show_separations"}),
        ({"separation": {"decoders": {"beam": {"hypotheses": 3}}}}, TABULATED),
        ({"separation": {"decoders": {"frames": {"hypotheses": 9}}}}, AFTER_A_DECODER),
        ({"priors": {"digits": {"dropout": 0.5}}}, AFTER_A_PRIOR),
        (
            {"augmentation": {"copies": 2}},
            AFTER_A_PRIOR
            | {"tokenize_sources", "count_tuples", "merge_counts", "measure_density", "fit_frames"},
        ),
        ({"nmf": {"components": 3}}, {"fit_nmf", *AFTER_A_METHOD}),
    ],
    ids=name_of,
)
def test_a_change_reruns_what_depends_on_it(
    toy_images: Path, tmp_path: Path, values: dict[str, Any], rules: set[str]
) -> None:
    jobs = rerun(toy_images, values, tmp_path).jobs
    assert set(jobs) == rules
    if "fit_nmf" in rules:
        assert jobs["separate_mixtures"] == 1, "not the codec's ceiling"


def test_second_run_has_nothing_to_do(toy_images: Path) -> None:
    configs = [TEST_CONFIG, toy_images / "images.yaml"]
    outcome = dry_run(toy_images, *SCATTER, configs=configs, targets=IMAGE_TARGETS)
    assert outcome.status == 0
    assert outcome.jobs == {}
    assert digests(toy_images, *FINAL_IMAGES)
