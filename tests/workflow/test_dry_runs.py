"""What each configuration would run, and what a wrong one says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.runner import ROOT, TEST_CONFIG, dry_run, write_config

pytestmark = pytest.mark.workflow

RECIPES = {
    title: yaml.safe_load(block)
    for title, block in re.findall(
        r"^### ([^\n]+)\n(?:(?!^###).)*?```yaml\n(.*?)```",
        (ROOT / "config" / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}
ALL_RULES = {
    "compose_songs": 3,
    "extract_sources": 3,
    "draw_mixtures": 1,
    "train_vqvae": 1,
    "tokenize_sources": 8,
    "count_tuples": 8,
    "merge_counts": 1,
    "measure_density": 1,
    "train_prior": 2,
    "evaluate_priors": 1,
    "gather_tables": 2,
    "fit_residual": 1,
    "draw_candidates": 8,
    "estimate_sources": 12,
    "estimate_references": 12,
    "separate_blindly": 4,
    "train_supervised": 1,
    "separate_supervised": 4,
    "score_separations": 32,
    "tabulate_sdr": 1,
    "draw_spectrograms": 1,
    "export_examples": 1,
    "all": 1,
}
IMAGE_RULES = {
    "fetch_mnist": 4,
    "prepare_images": 3,
    "draw_image_mixtures": 2,
    "train_vqvae": 1,
    "tokenize_sources": 12,
    "count_tuples": 8,
    "merge_counts": 1,
    "measure_density": 1,
    "train_prior": 1,
    "evaluate_priors": 1,
    "fit_patches": 1,
    "fit_nmf": 1,
    "draw_candidates": 8,
    "estimate_sources": 8,
    "estimate_image_references": 8,
    "score_images": 16,
    "tabulate_psnr": 2,
    "draw_separations": 1,
    "gather_tables": 2,
    "all": 1,
}


DEFAULT_RULES = {name: jobs for name, jobs in ALL_RULES.items() if "supervised" not in name} | {
    "estimate_sources": 28,
    "separate_blindly": 28,
    "score_separations": 68,
}


def test_default_trains_everything_where_asked_to(tmp_path: Path) -> None:
    outcome = dry_run(tmp_path, "--config", "pretrained=false", configs=[])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == DEFAULT_RULES


def test_small_configuration_runs_every_rule(tmp_path: Path) -> None:
    assert dry_run(tmp_path).jobs == ALL_RULES


def test_only_what_a_target_needs(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, targets=["results/density.csv"]).jobs
    assert set(jobs) == set(ALL_RULES) & {
        *("compose_songs", "extract_sources", "train_vqvae", "tokenize_sources"),
        *("count_tuples", "merge_counts", "measure_density", "gather_tables"),
    }
    assert jobs["compose_songs"] == 2, "the test songs are not needed"


def test_pretrained_checkpoints_replace_the_trainings(tmp_path: Path) -> None:
    given = [tmp_path / name for name in ("vqvae", "drums", "bass")]
    for path in given:
        path.touch()
    config = write_config(
        tmp_path / "given.yaml",
        {
            "pretrained": True,
            "vqvae": {"checkpoint": str(given[0])},
            "priors": {"drums": {"checkpoint": str(given[1])}, "bass": {"checkpoint": str(given[2])}},
        },
    )
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config]).jobs
    trainings = {"train_vqvae": 1, "train_prior": 2}
    assert jobs == {name: count for name, count in ALL_RULES.items() if name not in trainings}


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.safetensors"
    config = write_config(tmp_path / "missing.yaml", {"vqvae": {"checkpoint": str(missing)}})
    outcome = dry_run(tmp_path, "--config", "pretrained=true", configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    assert str(missing) in outcome.output


def test_recipes_are_found() -> None:
    assert len(RECIPES) == 7


@pytest.mark.parametrize("title", [title for title, values in RECIPES.items() if "datasets" not in values])
def test_recipe_of_the_readme(tmp_path: Path, title: str) -> None:
    values: dict[str, Any] = RECIPES[title]
    expected = dict(DEFAULT_RULES)
    if values.get("slakh", {}).get("source") == "folder":
        values["slakh"]["root"] = str(tmp_path / "songs")
        for split in ("train", "validation", "test"):
            (tmp_path / "songs" / split).mkdir(parents=True)
        del expected["compose_songs"]
    names = {"drums": "drums", "bass": "bass"} | values.get("separation", {}).get("priors", {})
    expected["train_prior"] = len(set(names.values()))
    config = write_config(tmp_path / "recipe.yaml", values)
    outcome = dry_run(tmp_path, "--config", "pretrained=false", configs=[config])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pretraind": True}, "pretraind: unknown key; did you mean 'pretrained'?"),
        ({"vqvae": {"stride": [8, 8]}}, "vqvae.stride: unknown key; did you mean 'strides'?"),
        (
            {"vqvae": {"training": {"step": 1}}},
            "vqvae.training.step: unknown key; did you mean 'steps'?",
        ),
        ({"priors": {"bass": {"layer": 3}}}, "priors.bass.layer: unknown key; did you mean 'layers'?"),
        ({"priors": {"new": {"layers": 3}}}, "priors.new.width: missing"),
        ({"slakh": {"source": "zenodo"}}, "slakh.source: Input should be 'mini' or 'folder' (got 'zenodo')"),
        ({"slakh": {"source": "folder"}}, "slakh.root must name a folder"),
        ({"slakh": {"classes": ["drums", "piano"]}}, "separation.priors must name a prior for each class"),
        ({"mixtures": {"seconds": -1}}, "mixtures.seconds: Input should be greater than 0 (got -1)"),
        ({"mixtures": {"seconds": 0.5}}, "evaluation.window 1.0 is longer than a mixture of 0.5 s"),
        ({"vqvae": {"crop": 5000}}, "vqvae.crop 5000 must be a multiple of 64"),
        ({"priors": {"bass": {"width": 30}}}, "priors.bass: width 30 must be a multiple of 2 * heads"),
        ({"separation": {"priors": {"bass": "tuba"}}}, "separation.priors.bass is 'tuba'"),
        ({"separation": {"priors": {"bass": None}}}, "separation.priors must name a prior for each class"),
        ({"separation": {"samplers": {"beam": {"method": "greedy"}}}}, "samplers.beam: hypotheses is 4"),
        ({"separation": {"samplers": {"beam": {"method": "top_k"}}}}, "samplers.beam: top_k is needed"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_wrong_configuration(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, write_config(tmp_path / "wrong.yaml", values)])
    assert outcome.status == 1
    assert message in outcome.output
    assert outcome.output.count("the configuration is not valid (see config/README.md)") == 1
    assert "Traceback" not in outcome.output
    problems = re.findall(r"^  \w[\w.]*: ", outcome.output, re.MULTILINE)
    assert len(outcome.output.splitlines()) <= len(problems) + 5, "a list of problems, not a page"


def test_a_missing_folder_of_songs_is_named(tmp_path: Path) -> None:
    root = tmp_path / "nowhere"
    config = write_config(tmp_path / "folder.yaml", {"slakh": {"source": "folder", "root": str(root)}})
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    assert str(root) in outcome.output


# --- images ---


def test_images_alone(tmp_path: Path) -> None:
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, ROOT / "config" / "mnist.yaml"])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == IMAGE_RULES


def test_the_whole_of_mnist(tmp_path: Path) -> None:
    """Its tables have more rows than those of the tests."""
    jobs = dry_run(tmp_path, "--config", "pretrained=false", configs=[ROOT / "config" / "mnist.yaml"]).jobs
    assert jobs.keys() == IMAGE_RULES.keys()
    more = {"draw_candidates", "estimate_sources", "estimate_image_references", "score_images"}
    assert {name: jobs[name] for name in jobs.keys() - more} == {
        name: count for name, count in IMAGE_RULES.items() if name not in more
    }


def test_music_and_images_together(tmp_path: Path) -> None:
    config = write_config(tmp_path / "both.yaml", {"datasets": ["slakh", "mnist"]})
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config]).jobs
    shared = {name: ALL_RULES[name] + IMAGE_RULES[name] for name in ALL_RULES.keys() & IMAGE_RULES.keys()}
    assert jobs == ALL_RULES | IMAGE_RULES | shared | {"all": 1, "gather_tables": 2}


def test_what_is_asked_for_by_name_is_made_of_any_data_set(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, targets=["results/mnist/mixtures/test.parquet"]).jobs
    assert jobs == {"fetch_mnist": 4, "prepare_images": 1, "draw_image_mixtures": 1}
    jobs = dry_run(tmp_path, targets=["results/timing.csv"]).jobs
    assert jobs["time_separations"] == 1
    assert "fetch_mnist" not in jobs
    jobs = dry_run(tmp_path, "--config", "datasets=[mnist]", targets=["results/timing.csv"]).jobs
    assert jobs["time_separations"] == 1
    assert "fetch_mnist" in jobs


def test_files_of_mnist_that_are_there(tmp_path: Path) -> None:
    """With and without `.gz`; a folder that lacks one is named."""
    names = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
    for index, name in enumerate(names):
        (tmp_path / f"{name}{'.gz' if index % 2 else ''}").touch()
    config = write_config(tmp_path / "c.yaml", {"datasets": ["mnist"], "mnist": {"root": str(tmp_path)}})
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config]).jobs
    assert jobs == {name: count for name, count in IMAGE_RULES.items() if name != "fetch_mnist"}
    (tmp_path / names[2]).unlink()
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    assert f"{tmp_path}/{names[2]}.gz" in outcome.output


def test_pictures_from_a_folder(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        (tmp_path / "faces" / split).mkdir(parents=True)
    root = write_config(tmp_path / "c.yaml", {"image_sets": {"faces": {"root": str(tmp_path / "faces")}}})
    outcome = dry_run(tmp_path, configs=[ROOT / "config" / "pictures.yaml", root])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs.keys() == IMAGE_RULES.keys() - {"fetch_mnist", "fit_nmf", "fit_patches"}


@pytest.mark.parametrize("title", [title for title, values in RECIPES.items() if "datasets" in values])
def test_recipe_for_images(tmp_path: Path, title: str) -> None:
    config = write_config(tmp_path / "recipe.yaml", RECIPES[title])
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
    assert outcome.status == 0, outcome.output
    further = 4 if title == "Another method for images" else 0  # shards of it and of its sampler
    assert outcome.jobs["draw_candidates"] == IMAGE_RULES["draw_candidates"] + further
    assert outcome.jobs["estimate_sources"] == IMAGE_RULES["estimate_sources"] + further


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"datasets": ["celeba"]}, "datasets ['celeba'] must name different ones of ['slakh', 'mnist']"),
        ({"mnist": {"clases": []}}, "mnist.clases: unknown key; did you mean 'classes'?"),
        ({"mnist": {"size": 32}}, "mnist: source is 'mnist', which needs 10 classes, colours 1 and size 28"),
        ({"mnist": {"source": "folder"}}, "mnist: source is 'folder', so root must name a folder"),
        ({"mnist": {"mirrors": []}}, "mnist: root and mirrors are empty"),
        ({"mnist": {"separation": {"methods": {"lass": {"sampler": "x"}}}}}, "methods.lass.sampler is 'x'"),
        ({"image_sets": {"logs": {}}}, "image_sets.logs.source: missing"),
    ],
    ids=str,
)
def test_wrong_configuration_of_images(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, write_config(tmp_path / "wrong.yaml", values)])
    assert outcome.status == 1
    assert message in outcome.output
    assert "Traceback" not in outcome.output
