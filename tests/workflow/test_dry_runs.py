"""What each configuration would run, and what a wrong one says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.config import hardware
from tests.workflow.runner import IMAGE_TARGETS, ROOT, TEST_CONFIG, dry_run, name_of, write_config

pytestmark = pytest.mark.workflow

ALL_RULES = {
    "compose_songs": 3,
    "extract_sources": 3,
    "draw_mixtures": 1,
    "train_codec": 1,
    "tokenize_sources": 8,
    "count_tuples": 8,
    "merge_counts": 1,
    "measure_density": 1,
    "train_prior": 2,
    "evaluate_priors": 1,
    "gather_tables": 2,
    "fit_residual": 1,
    "train_network": 1,
    "draw_candidates": 12,
    "train_separator": 1,
    "separate_mixtures": 36,
    "score_estimates": 36,
    "tabulate_scores": 1,
    "show_separations": 1,
    "draw_page": 1,
    "all": 1,
}
SPLITS = ["train", "validation", "test"]
IMAGE_RULES = {
    "fetch_mnist": 4,
    "prepare_images": 3,
    "draw_mixtures": 2,
    "train_codec": 1,
    "tokenize_sources": 12,
    "count_tuples": 8,
    "merge_counts": 1,
    "measure_density": 1,
    "train_prior": 1,
    "evaluate_priors": 1,
    "fit_frames": 1,
    "fit_nmf": 1,
    "draw_candidates": 8,
    "separate_mixtures": 16,
    "score_estimates": 16,
    "tabulate_scores": 2,
    "show_separations": 1,
    "draw_page": 1,
    "gather_tables": 2,
    "all": 1,
}
DEFAULT_RULES = {name: jobs for name, jobs in ALL_RULES.items() if name != "train_separator"} | {
    "draw_candidates": 16,
    "separate_mixtures": 80,
    "score_estimates": 80,
    "train_denoiser": 1,
}


# With the models that come with the repository: nothing is trained or counted, no training song composed.
MADE = {
    "train_codec",
    "train_denoiser",
    "train_prior",
    "count_tuples",
    "merge_counts",
    "fit_residual",
    "train_network",
}
GIVEN_RULES = {name: jobs for name, jobs in DEFAULT_RULES.items() if name not in MADE} | {
    "compose_songs": 2,
    "extract_sources": 2,
    "tokenize_sources": 4,
}


def of_slakh(**values: Any) -> dict[str, Any]:
    """Overrides of the audio data set."""
    return {"datasets": {"slakh": values}}


def of_mnist(**values: Any) -> dict[str, Any]:
    """Overrides of the image data set."""
    return {"datasets": {"mnist": values}}


def folders(root: Path, *splits: str) -> str:
    """A root with the folders of these splits."""
    for split in splits:
        (root / split).mkdir(parents=True)
    return str(root)


def packages(root: Path) -> str:
    """A root with a file of every package that the example of speech names."""
    root.mkdir()
    text = (ROOT / "config" / "speech.yaml").read_text(encoding="utf-8")
    for package in re.findall(r"package: ([\w-]+)", text):
        (root / f"{package}_1_all.deb").write_bytes(b"!")
    return str(root)


def test_default_trains_everything_where_asked_to(tmp_path: Path) -> None:
    outcome = dry_run(tmp_path, "--config", "pretrained=false", configs=[])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == DEFAULT_RULES


def test_default_trains_nothing(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, configs=[]).jobs
    assert jobs == GIVEN_RULES


def test_small_configuration_runs_every_rule(tmp_path: Path) -> None:
    assert dry_run(tmp_path).jobs == ALL_RULES


def test_every_rule_is_in_one_of_the_two(tmp_path: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    named = {
        "pack_model": "results/slakh/model",
        "fetch_weights": "results/weights/vqvae.pth.tar",
        "fetch_songs": "results/baby/downloaded.json",
        "train_denoiser": "results/slakh/denoisers/songs.safetensors",
        "time_method": "results/slakh/validation/seconds/diffusion.csv",
        "draw_seconds": "results/slakh_diffusion_seconds.png",
        "measure_features": "results/mnist/test/features/nmf.npz",
        "measure_reference": "results/mnist/features.npz",
        "tabulate_distances": "results/mnist_fid.csv",
        "show_candidates": "results/mnist_candidates.png",
        "tabulate_shifts": "results/slakh_shifts.csv",
        "shift_sources": "results/slakh/sources/shifted_noise",
        "unpack_packages": "results/speech/recordings/test",
        "tabulate_failures": "results/slakh_sdr_failures.csv",
    }
    assert rules == {*ALL_RULES, *IMAGE_RULES, *named} - {"all"}
    slakh = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))["datasets"]["slakh"]
    baby = {**slakh, "source": "slakh", "download": "babyslakh"}
    shifts = {"rows": {"mixture": ["mixture"]}, "kinds": {"noise": {"noise": 20.0}}}
    datasets = {"baby": baby, "slakh": {"shifts": shifts}, "speech": {"root": packages(tmp_path / "data")}}
    config = write_config(tmp_path / "more.yaml", {"datasets": datasets, "targets": ["slakh"]})
    configs = [TEST_CONFIG, *(ROOT / "config" / name for name in ("diffusion.yaml", "speech.yaml")), config]
    for rule, target in named.items():
        assert dry_run(tmp_path, targets=[target], configs=configs).jobs[rule] == 1


def test_only_what_a_target_needs(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, targets=["results/density.csv"]).jobs
    assert set(jobs) == set(ALL_RULES) & {
        *("compose_songs", "extract_sources", "train_codec", "tokenize_sources"),
        *("count_tuples", "merge_counts", "measure_density", "gather_tables"),
    }
    assert jobs["compose_songs"] == 2, "the test songs are not needed"


@pytest.mark.parametrize(("weight", "priors"), [(0.0, 0), (0.5, 2)])
def test_a_decoder_reads_what_its_posterior_is_made_of(tmp_path: Path, weight: float, priors: int) -> None:
    """By the learned likelihood alone nothing is counted, and without weight no prior is trained."""
    separation = {"decoders": {"heard": {"prior_weight": weight}}}
    tables = {"sdr": {"rows": ["mixture", "heard"]}}
    values = {"pretrained": False, **of_slakh(separation=separation, tables=tables)}
    config = write_config(tmp_path / "c.yaml", values)
    for target in ("results/slakh_sdr.csv", "results/timing.csv"):
        jobs = dry_run(tmp_path, targets=[target], configs=[config]).jobs
        assert jobs["train_network"] == 1, target
        assert "count_tuples" not in jobs, target
        assert jobs.get("train_prior", 0) == priors, target


def test_a_further_table_is_made_of_its_split(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, targets=["results/slakh_decoders.csv"]).jobs
    assert jobs["tabulate_scores"] == 1
    assert jobs["separate_mixtures"] == jobs["score_estimates"] == jobs["draw_candidates"] == 8
    assert jobs["compose_songs"] == 2, "it is about the validation songs"


def test_pretrained_checkpoints_replace_the_trainings(tmp_path: Path) -> None:
    given = [tmp_path / name for name in ("codec", "drums", "bass", "tasnet")]
    for path in given:
        path.touch()
    checkpoints = of_slakh(
        codec={"checkpoint": str(given[0])},
        priors={"drums": {"checkpoint": str(given[1])}, "bass": {"checkpoint": str(given[2])}},
        supervised={"checkpoints": {"conv_tasnet": str(given[3])}},
    )
    config = write_config(tmp_path / "given.yaml", {"pretrained": True, **checkpoints})
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config]).jobs
    trainings = {"train_codec": 1, "train_prior": 2, "train_separator": 1}
    assert jobs == {name: count for name, count in ALL_RULES.items() if name not in trainings}


@pytest.mark.parametrize("own", [True, False], ids=["checkpoint", "trained"])
def test_a_table_of_another_codec_is_not_taken(tmp_path: Path, own: bool) -> None:
    """Where the codec is not the one that the table lies beside, tuples of its codes are counted here."""
    path = tmp_path / "codec.safetensors"
    path.touch()
    config = write_config(tmp_path / "own.yaml", of_slakh(codec={"checkpoint": str(path) if own else None}))
    jobs = dry_run(tmp_path, configs=[config], targets=["results/slakh_sdr.csv"]).jobs
    assert jobs.get("train_codec", 0) == (0 if own else 1)
    assert (jobs["count_tuples"], jobs["fit_residual"]) == (8, 1)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.safetensors"
    config = write_config(tmp_path / "missing.yaml", of_slakh(codec={"checkpoint": str(missing)}))
    outcome = dry_run(tmp_path, "--config", "pretrained=true", configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    assert str(missing) in outcome.output


@pytest.mark.parametrize("conditional", [True, False])
def test_a_prior_of_both_sources_is_trained_once(tmp_path: Path, conditional: bool) -> None:
    music = {"classes": ["drums", "bass"], "conditional": conditional, "layers": 5, "width": 256, "heads": 2}
    values = of_slakh(
        priors={"music": {**music, "training": {"steps": 1, "batch": 8, "learning_rate": 1e-3}}},
        separation={"priors": {"drums": "music", "bass": "music"}},
    )
    config = write_config(tmp_path / "shared.yaml", values)
    outcome = dry_run(tmp_path, "--config", "pretrained=false", configs=[config])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == DEFAULT_RULES | {"train_prior": 1}


def test_two_data_sets_of_audio(tmp_path: Path) -> None:
    """Each with everything of its own, and one table of the priors of both."""
    root = folders(tmp_path / "songs", "train", "test")
    mine = {"datasets": {"stems": {"root": root}}, "targets": ["stems", "slakh"]}
    configs = [TEST_CONFIG, ROOT / "config" / "stems.yaml", write_config(tmp_path / "c.yaml", mine)]
    outcome = dry_run(tmp_path, configs=configs)
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == ALL_RULES | {
        **dict.fromkeys(("draw_mixtures", "train_codec", "merge_counts", "measure_density"), 2),
        **dict.fromkeys(
            ("evaluate_priors", "fit_residual", "tabulate_scores", "show_separations", "draw_page"), 2
        ),
        "extract_sources": 6,
        "train_prior": 4,
        "train_network": 2,
        **dict.fromkeys(("tokenize_sources", "count_tuples"), 16),
        "draw_candidates": 12 + 12,
        "separate_mixtures": 36 + 28,
        "score_estimates": 36 + 28,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pretraind": True}, "pretraind: unknown key; did you mean 'pretrained'?"),
        (of_slakh(codec={"stride": [8, 8]}), "slakh.codec.stride: unknown key; did you mean 'strides'?"),
        (
            of_slakh(codec={"training": {"step": 1}}),
            "datasets.slakh.codec.training.step: unknown key; did you mean 'steps'?",
        ),
        (
            of_slakh(priors={"bass": {"layer": 3}}),
            "datasets.slakh.priors.bass.layer: unknown key; did you mean 'layers'?",
        ),
        (of_slakh(priors={"new": {"layers": 3}}), "datasets.slakh.priors.new.width: missing"),
        (of_slakh(source="zenodo"), "datasets.slakh.source: source 'zenodo' is unknown: choose one of"),
        (
            of_slakh(download="babyslakh"),
            "download 'babyslakh' is in the layout of source 'slakh', but source is 'composed'",
        ),
        (
            of_slakh(source="slakh", download="babyslakh", root="songs"),
            "download 'babyslakh' brings a folder with all splits, but root is 'songs': set it to null",
        ),
        (of_slakh(source="slakh", download="babyslack"), "Input should be 'slakh2100_redux', 'babyslakh' or"),
        (
            {"addresses": {"celeba": "/x"}},
            "addresses.celeba: nothing is downloaded under this name; known: [",
        ),
        (
            {"addresses": {"babyslakh": "/x#md5=0"}},
            "addresses.babyslakh: address '/x#md5=0': behind # stands",
        ),
        (of_slakh(source="slakh"), "source is 'slakh', so root must name the folder that is read"),
        (
            of_slakh(classes=["Cats", 0]),
            "a letter first; the folders of a class may have other names: files: {cats: [Cats]} (got 'Cats')",
        ),
        (of_slakh(root="songs"), "source is 'composed', which reads no folder, but root is 'songs'"),
        (of_slakh(classes=["drums", "piano"]), "separation.priors must name a prior for each class"),
        (of_slakh(mixtures={"seconds": -1}), "mixtures.seconds: Input should be greater than 0 (got -1)"),
        (of_slakh(mixtures={"seconds": 0.5}), "window 1.0 is longer than a mixture of 0.5 s"),
        (of_slakh(codec={"crop": 5000}), "codec: crop 5000 must be a multiple of 64"),
        (of_slakh(priors={"bass": {"width": 30}}), "priors.bass: width 30 must be a multiple of 2 * heads"),
        (of_slakh(separation={"priors": {"bass": "tuba"}}), "separation.priors.bass is 'tuba'"),
        (of_slakh(separation={"priors": {"bass": None}}), "separation.priors must name a prior for each"),
        (
            of_slakh(separation={"decoders": {"beam": {"kind": "greedy"}}}),
            "separation.decoders.beam.hypotheses: unknown key",
        ),
        (
            of_slakh(separation={"decoders": {"beam": {"kind": "top_k"}}}),
            "separation.decoders.beam.top_k: missing",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_wrong_configuration(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, write_config(tmp_path / "wrong.yaml", values)])
    assert outcome.status == 1
    assert message in outcome.output
    assert outcome.output.count("the configuration is not valid (see docs/configuration.md)") == 1
    assert "Traceback" not in outcome.output
    problems = re.findall(r"^  \w[\w.]*: ", outcome.output, re.MULTILINE)
    assert len(outcome.output.splitlines()) <= len(problems) + 5, "a list of problems, not a page"


def test_a_missing_folder_of_songs_is_named(tmp_path: Path) -> None:
    """Where it was looked for, before any job; also one that lacks a split."""
    for root, message in (
        ("nowhere", f"datasets.slakh: root is 'nowhere', but {tmp_path}/nowhere is no folder: correct root"),
        ("~/nowhere/", "/nowhere is no folder: correct root"),
        (folders(tmp_path / "some", "train", "test"), "/some has no folder 'validation': lay it out as"),
    ):
        config = write_config(tmp_path / "folder.yaml", of_slakh(source="slakh", root=root))
        outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
        assert outcome.status == 1
        assert message in outcome.output
    assert "set held_out to the number of items of train" in outcome.output


def test_a_folder_that_nobody_reads_may_be_missing(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", of_mnist(root=str(tmp_path / "nowhere")))
    assert dry_run(tmp_path, configs=[TEST_CONFIG, config]).jobs == ALL_RULES


def test_values_in_braces_are_read_as_in_a_file(tmp_path: Path) -> None:
    slakh = "{mixtures: {count: {test: null}}, tables: {decoders: null}, supervised: null}"
    mnist = "{colours: 1, held_out: 10, codec: {training: {learning_rate: 1e-4, steps: 1e3}}}"
    braces = f"datasets={{slakh: {slakh}, mnist: {mnist}}}"
    tables = of_slakh(tables={"sdr": {"rows": ["lass"]}})
    configs = [TEST_CONFIG, write_config(tmp_path / "c.yaml", tables)]
    outcome = dry_run(tmp_path, "--config", braces, configs=configs)
    assert outcome.status == 0, outcome.output
    outcome = dry_run(tmp_path, "--config", "datasets={slakh:/data/songs}")
    assert outcome.status == 1, "a space is missing"


def test_a_root_below_the_home_folder_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGS", folders(tmp_path / "songs", "train", "validation", "test"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for root in ("$SONGS", "~/songs"):
        config = write_config(tmp_path / "folder.yaml", of_slakh(source="slakh", root=root))
        outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
        assert outcome.status == 0, outcome.output
        assert outcome.jobs == {name: jobs for name, jobs in ALL_RULES.items() if name != "compose_songs"}


def test_a_download_in_the_place_of_a_root(tmp_path: Path) -> None:
    """One job more than with songs that are there; and no addresses of what nobody knows."""
    babyslakh = write_config(tmp_path / "c.yaml", of_slakh(source="slakh", download="babyslakh"))
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, babyslakh])
    assert outcome.status == 0, outcome.output
    without = {name: jobs for name, jobs in ALL_RULES.items() if name != "compose_songs"}
    assert outcome.jobs == without | {"fetch_songs": 1}
    options = ("--config", "addresses={babyslakh: https://mirror/b.tar.gz}")
    assert dry_run(tmp_path, *options, configs=[TEST_CONFIG, babyslakh]).jobs == outcome.jobs


# --- the files of config/ ---


def test_songs_of_the_user(tmp_path: Path) -> None:
    root = folders(tmp_path / "songs", "train", "validation", "test")
    mine = write_config(tmp_path / "c.yaml", of_slakh(root=root))
    outcome = dry_run(tmp_path, configs=[ROOT / "config" / "songs.yaml", mine])
    assert outcome.status == 0, outcome.output
    rows = {"draw_candidates": 16, "separate_mixtures": 80, "score_estimates": 80}
    rows |= {"train_separator": 2, "train_denoiser": 1}
    assert outcome.jobs == {
        name: jobs for name, jobs in (ALL_RULES | rows).items() if name != "compose_songs"
    }


@pytest.mark.parametrize(
    ("names", "jobs"),
    [
        ("demo", GIVEN_RULES | {"separate_mixtures": 24, "score_estimates": 24, "draw_candidates": 8}),
        (
            "paper",
            {name: jobs for name, jobs in IMAGE_RULES.items() if name != "fit_frames"}
            | {"draw_mixtures": 1, "tabulate_scores": 1, "draw_candidates": 4}
            | {"separate_mixtures": 16, "score_estimates": 16},
        ),
        (
            "table5",
            GIVEN_RULES
            | {"compose_songs": 3, "extract_sources": 3, "train_separator": 2}
            | {"separate_mixtures": 92, "score_estimates": 92, "draw_candidates": 20},
        ),
        (
            "diffusion",
            GIVEN_RULES | {"separate_mixtures": 28, "score_estimates": 28, "draw_candidates": 8},
        ),
        (
            "three_sources three_sources_anew",
            {name: jobs for name, jobs in DEFAULT_RULES.items() if name != "train_denoiser"}
            | {"train_prior": 3, "separate_mixtures": 40, "score_estimates": 40, "draw_candidates": 16},
        ),
    ],
)
def test_changes_of_the_default(tmp_path: Path, names: str, jobs: dict[str, int]) -> None:
    outcome = dry_run(tmp_path, configs=[ROOT / "config" / f"{name}.yaml" for name in names.split()])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == jobs


def test_three_sources_need_no_training(tmp_path: Path) -> None:
    """By what comes with the repository: neither songs for training, nor priors, nor a table of counts."""
    configs = [ROOT / "config" / "three_sources.yaml"]
    outcome = dry_run(tmp_path, configs=configs, targets=["results/slakh_sdr.csv"])
    assert outcome.status == 0, outcome.output
    once = dict.fromkeys(("compose_songs", "extract_sources", "draw_mixtures", "tabulate_scores"), 1)
    assert outcome.jobs == once | {"draw_candidates": 4, "separate_mixtures": 20, "score_estimates": 20}
    model = dry_run(tmp_path, configs=configs, targets=["results/slakh/model"]).jobs
    del once["tabulate_scores"]
    assert model == once | dict.fromkeys(("draw_candidates", "separate_mixtures", "score_estimates"), 4) | {
        "pack_model": 1
    }


def test_shifts_are_splits_of_the_test_mixtures(tmp_path: Path) -> None:
    """Two shifts and none: a method's four shards each. Songs for other instruments are composed anew.

    Another data set may call something else by the name of a shift.
    """
    kinds = {"noise": {"noise": 20.0}, "played": {"soundfonts": ["other.sf2"]}}
    shifts = {"rows": {"hpss": ["hpss"], "both": ["hpss", "mixture"]}, "kinds": kinds}
    base = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))["datasets"]["slakh"]
    others = {**shifts, "kinds": {"noise": kinds["played"], "played": kinds["noise"]}}
    both = {"datasets": {"slakh": {"shifts": shifts}, "other": {**base, "shifts": others}}}
    config = write_config(tmp_path / "shifts.yaml", both)
    outcome = dry_run(tmp_path, targets=["results/slakh_shifts.csv"], configs=[TEST_CONFIG, config])
    assert outcome.jobs == {
        "compose_songs": 2,
        "extract_sources": 2,
        "draw_mixtures": 2,
        "shift_sources": 1,
        "separate_mixtures": 24,
        "score_estimates": 24,
        "tabulate_shifts": 1,
    }


@pytest.mark.parametrize(("name", "splits"), [("stems", ["train", "test"]), ("utterances", [])])
def test_examples_of_other_recordings(tmp_path: Path, name: str, splits: list[str]) -> None:
    """Songs without a folder for validation; recordings of one class."""
    root = folders(tmp_path / "data", *(splits or [f"{split}/speech" for split in SPLITS]))
    dataset = {"stems": "stems", "utterances": "speech"}[name]
    mine = write_config(tmp_path / "c.yaml", {"datasets": {dataset: {"root": root}}})
    outcome = dry_run(tmp_path, configs=[ROOT / "config" / f"{name}.yaml", mine])
    assert outcome.status == 0, outcome.output
    absent = {"compose_songs", "train_separator"} | ({"train_network"} if name == "utterances" else set())
    rows = {"stems": 28, "utterances": 20}[name]
    expected = {rule: jobs for rule, jobs in ALL_RULES.items() if rule not in absent} | {
        "train_prior": {"stems": 2, "utterances": 1}[name],
        "draw_candidates": {"stems": 12, "utterances": 8}[name],
        "separate_mixtures": rows,
        "score_estimates": rows,
    }
    assert outcome.jobs == expected


def test_example_of_packages(tmp_path: Path) -> None:
    """Every package is needed, and what has been unpacked is read as any recordings."""
    root = packages(tmp_path / "data")
    mine = write_config(tmp_path / "c.yaml", {"datasets": {"speech": {"root": root}}})
    configs = [ROOT / "config" / "speech.yaml", mine]
    outcome = dry_run(tmp_path, configs=configs, targets=["results/speech_sdr.html"])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs["unpack_packages"] == outcome.jobs["extract_sources"] == 3
    assert "compose_songs" not in outcome.jobs
    (Path(root) / "minetest-data_1_all.deb").unlink()
    outcome = dry_run(tmp_path, configs=configs, targets=["results/speech_sdr.html"])
    assert outcome.status != 0
    assert "datasets.speech: " in outcome.output
    assert "has no package minetest-data_*.deb: fetch it there, with `apt-get download" in outcome.output


# --- images ---


def test_images_alone(tmp_path: Path) -> None:
    configs = [TEST_CONFIG, ROOT / "config" / "mnist.yaml"]
    outcome = dry_run(tmp_path, configs=configs, targets=IMAGE_TARGETS)
    assert outcome.status == 0, outcome.output
    assert outcome.jobs == IMAGE_RULES


def test_the_whole_of_mnist(tmp_path: Path) -> None:
    """Its tables have more rows than those of the tests."""
    options, configs = ("--config", "pretrained=false"), [ROOT / "config" / "mnist.yaml"]
    jobs = dry_run(tmp_path, *options, configs=configs, targets=IMAGE_TARGETS).jobs
    assert jobs == IMAGE_RULES | {
        "draw_candidates": 4 * (3 + 6),
        "separate_mixtures": 4 * (11 + 6),
        "score_estimates": 4 * (11 + 6),
        "train_denoiser": 1,
    }


def test_music_and_images_together(tmp_path: Path) -> None:
    config = write_config(tmp_path / "both.yaml", {"targets": ["slakh", "mnist"]})
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config], targets=IMAGE_TARGETS).jobs
    shared = {name: ALL_RULES[name] + IMAGE_RULES[name] for name in ALL_RULES.keys() & IMAGE_RULES.keys()}
    assert jobs == ALL_RULES | IMAGE_RULES | shared | {"all": 1, "gather_tables": 2}


def test_what_is_asked_for_by_name_is_made_of_any_data_set(tmp_path: Path) -> None:
    jobs = dry_run(tmp_path, targets=["results/mnist/mixtures/test.parquet"]).jobs
    assert jobs == {"fetch_mnist": 2, "prepare_images": 1, "draw_mixtures": 1}
    jobs = dry_run(tmp_path, targets=["results/timing.csv"]).jobs
    assert jobs["time_method"] == 9, "every row of the main table"
    assert "draw_candidates" not in jobs, "they are drawn while it is timed"
    assert "fetch_mnist" not in jobs
    jobs = dry_run(tmp_path, "--config", "targets=[mnist]", targets=["results/timing.csv"]).jobs
    assert jobs["time_method"] == 2
    assert "fetch_mnist" in jobs


def test_one_method_is_timed_at_a_time(tmp_path: Path) -> None:
    """Each job asks for what the profile has one of."""
    told = dry_run(tmp_path, "--quiet", "host", targets=["results/timing.csv"]).output
    timed = re.findall(r"^rule time_method:\n((?:    .*\n)+)", told, re.MULTILINE)
    assert len(timed) == 9
    assert all("timing=1" in text for text in timed)
    profile = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text(encoding="utf-8"))
    assert "timing=1" in profile["resources"]


def test_files_of_mnist_that_are_there(tmp_path: Path) -> None:
    """With and without `.gz`; a folder that lacks one is named."""
    names = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
    for index, name in enumerate(names):
        (tmp_path / f"{name}{'.gz' if index % 2 else ''}").write_text("digits")
    config = write_config(tmp_path / "c.yaml", {"targets": ["mnist"], **of_mnist(root=str(tmp_path))})
    jobs = dry_run(tmp_path, configs=[TEST_CONFIG, config], targets=IMAGE_TARGETS).jobs
    assert jobs == {name: count for name, count in IMAGE_RULES.items() if name != "fetch_mnist"}
    (tmp_path / names[2]).unlink()
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    assert f"{tmp_path} has neither {names[2]} nor {names[2]}.gz: set `root`" in outcome.output


def test_pictures_from_a_folder(tmp_path: Path) -> None:
    root = folders(tmp_path / "faces", "train", "validation", "test")
    mine = write_config(tmp_path / "c.yaml", {"datasets": {"faces": {"root": root}}})
    outcome = dry_run(tmp_path, configs=[ROOT / "config" / "pictures.yaml", mine])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs.keys() == IMAGE_RULES.keys() - {"fetch_mnist", "fit_nmf", "fit_frames"}


@pytest.mark.parametrize("there", [True, False])
def test_jobs_of_networks_ask_for_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """With `device: auto`, of a machine that shows one: so that no two of them plan all of its memory."""
    (tmp_path / "nvidiactl").touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "DEVICES", [str(tmp_path / ("nvidiactl" if there else "gone"))])
    options = ("--quiet", "host", "--config", "device=auto")
    told = dry_run(tmp_path, *options, targets=["results/slakh_sdr.csv"]).output
    jobs = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", told, re.MULTILINE)
    asked = {rule: set(re.findall(r"gpu=(\d)", text)) for rule, text in jobs}
    networks = ("train_codec", "tokenize_sources", "count_tuples", "train_prior", "draw_candidates")
    assert [asked[rule] for rule in networks] == [{"1" if there else "0"}] * len(networks)
    blind = [text for rule, text in jobs if rule == "separate_mixtures" and "method=mixture" in text]
    assert len(blind) == 4
    assert all("gpu=0" in text for text in blind), "a row without a network leaves it to others"


def test_the_distance_of_sets_of_images(tmp_path: Path) -> None:
    """Of the rows of the main table, by weights that are fetched; or of others, by files that are here."""
    configs, targets = [TEST_CONFIG, ROOT / "config" / "mnist.yaml"], ["results/mnist_fid.csv"]
    jobs = dry_run(tmp_path, configs=configs, targets=targets).jobs
    assert jobs["measure_features"] == 2, "nmf and frames"
    assert {"fetch_weights": 1, "measure_reference": 1, "tabulate_distances": 1}.items() <= jobs.items()
    assert "score_estimates" not in jobs
    given = [tmp_path / name for name in ("weights.pth", "celeba.npz")]
    for path in given:
        path.touch()
    fid = {"rows": ["average"], "split": "validation", "weights": str(given[0]), "statistics": str(given[1])}
    mine = write_config(tmp_path / "c.yaml", of_mnist(fid=fid))
    jobs = dry_run(tmp_path, configs=[*configs, mine], targets=targets).jobs
    assert jobs == {
        "fetch_mnist": 2,
        "prepare_images": 1,
        "draw_mixtures": 1,
        "separate_mixtures": 4,
        "measure_features": 1,
        "tabulate_distances": 1,
    }


def test_another_method_for_images(tmp_path: Path) -> None:
    """A decoder and a method of the user's own names."""
    separation = {
        "decoders": {"wide": {"kind": "beam", "hypotheses": 100, "likelihood_weight": 2.0, "kept": 1}},
        "methods": {"wide": {"decoder": "wide", "consistency": "equal"}},
    }
    values = of_mnist(separation=separation, tables={"psnr": {"rows": ["nmf", "frames", "wide"]}})
    config = write_config(tmp_path / "c.yaml", {"targets": ["mnist"], **values})
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, config], targets=IMAGE_TARGETS)
    assert outcome.status == 0, outcome.output
    more = {"draw_candidates": 12, "separate_mixtures": 20, "score_estimates": 20}
    assert outcome.jobs == IMAGE_RULES | more


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"targets": ["celeba"]},
            "targets ['celeba'] must name different ones of the datasets ['mnist', 'sla",
        ),
        (of_mnist(clases=[]), "datasets.mnist.clases: unknown key; did you mean 'classes'?"),
        (
            of_mnist(size=32),
            "datasets.mnist: source is 'mnist', which needs 10 classes, colours 1 and size 28",
        ),
        (of_mnist(source="folder"), "datasets.mnist: source is 'folder', so root must name a folder"),
        (of_mnist(mirrors=[]), "datasets.mnist: root and mirrors are empty"),
        (of_mnist(tables={"fid": {"rows": ["lass"]}}), "tables.fid: the name is taken by the table of the"),
        (
            of_mnist(fid={"rows": ["average", "hpss"]}),
            "fid.rows ['average', 'hpss'] must name different ones",
        ),
        (of_mnist(separation={"methods": {"lass": {"decoder": "x"}}}), "methods.lass.decoder is 'x'"),
        ({"datasets": {"logs": {"kind": "images"}}}, "datasets.logs.source: missing"),
        ({"datasets": {"mine": {"source": "folder"}}}, "datasets.mine: has no kind; give one of"),
    ],
    ids=name_of,
)
def test_wrong_configuration_of_images(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    outcome = dry_run(tmp_path, configs=[TEST_CONFIG, write_config(tmp_path / "wrong.yaml", values)])
    assert outcome.status == 1
    assert message in outcome.output
    assert "Traceback" not in outcome.output
