"""Broken inputs: the job fails, its log names the file and the remedy, and no output is left behind."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from lass.models.checkpoint import read_vqvae, write_checkpoint
from tests.data.images.idx_files import idx_bytes, write_mnist
from tests.workflow.launching import Outcome
from tests.workflow.runner import ROOT, SCATTER, TEST_CONFIG, copy_run, run, write_config

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def half_written(results: Path) -> list[Path]:
    return [path for path in results.rglob("*") if ".part" in path.name]


def test_truncated_files_and_too_few_chunks(toy: Path, tmp_path: Path) -> None:
    directory = copy_run(toy, tmp_path / "run")
    results = directory / "results"
    slakh = results / "slakh"
    truncate(slakh / "songs" / "train" / "Track00001" / "stems" / "S00.flac")
    truncate(slakh / "tokens" / "train" / "1-of-1.parquet")
    targets = {
        "sources/train": ("extract_sources/slakh/train", "Track00001/stems/S00.flac"),
        "priors/drums.safetensors": ("train_prior/slakh/drums", "tokens/train/1-of-1.parquet: truncated"),
        "mixtures/test.parquet": ("draw_mixtures/slakh/test", "1000 are needed: lower mixtures.count"),
    }
    files = [f"results/slakh/{name}" for name in targets]
    change = {"datasets": {"slakh": {"mixtures": {"count": {"test": 1000}}}}}
    outcome = run(
        directory,
        *SCATTER,
        *("--keep-going", "--allowed-rules", "extract_sources", "train_prior", "draw_mixtures"),
        *("--forcerun", *files),
        targets=files,
        configs=[TEST_CONFIG, write_config(tmp_path / "c.yaml", change)],
    )
    assert outcome.status == 1
    for name, (log, message) in targets.items():
        assert message in (results / "logs" / f"{log}.log").read_text(), outcome.output
        assert not (slakh / name).exists(), name
    assert not half_written(results)


def test_parts_that_do_not_belong_together(toy: Path, tmp_path: Path) -> None:
    directory = copy_run(toy, tmp_path / "run")
    results = directory / "results"
    codec, prior = tmp_path / "other.safetensors", results / "slakh" / "priors" / "drums.safetensors"
    network = read_vqvae(results / "slakh" / "codec.safetensors")
    network.quantizer.codebook += 1
    write_checkpoint(codec, network, provenance={})
    slakh = {
        "codec": {"checkpoint": str(codec)},
        "priors": {"drums": {"checkpoint": str(prior)}, "bass": {"checkpoint": str(prior)}},
    }
    change = {"pretrained": True, "datasets": {"slakh": slakh}}
    targets = {
        "counts/1-of-1.safetensors": (
            "count_tuples/slakh/1-of-1",
            "tokens/train/1-of-1.parquet: codes of codebook",
        ),
        "test/candidates/beam/1-of-1.parquet": (
            "draw_candidates/slakh/test/beam/1-of-1",
            f"{prior}: trained on codes of codebook",
        ),
    }
    files = [f"results/slakh/{name}" for name in targets]
    outcome = run(
        directory,
        *SCATTER,
        *("--keep-going", "--allowed-rules", "count_tuples", "draw_candidates"),
        *("--forcerun", *files),
        targets=files,
        configs=[TEST_CONFIG, write_config(tmp_path / "c.yaml", change)],
    )
    assert outcome.status == 1
    for name, (log, message) in targets.items():
        assert message in (results / "logs" / f"{log}.log").read_text(), outcome.output
        assert not (results / "slakh" / name).exists(), name
    assert not half_written(results)


def test_images_that_cannot_be_had(tmp_path: Path) -> None:
    """A mirror that is not there, files of other sizes, a class without a picture."""
    digits = tmp_path / "digits"
    write_mnist(digits, train=20, test=10)
    (digits / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((10, 20, 20))))
    mnist = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))["datasets"]["mnist"]
    for name in mnist["classes"]:
        (tmp_path / "pictures" / "test" / name).mkdir(parents=True)
    mirrors = ["http://127.0.0.1:9/"]
    sets = {
        "away": mnist | {"mirrors": mirrors},
        "small": mnist | {"root": str(digits)},
        "pictures": mnist | {"source": "folder", "root": str(tmp_path / "pictures")},
    }
    targets = {
        "away/idx/t10k-labels-idx1-ubyte.gz": (
            "fetch_mnist/away/t10k-labels-idx1-ubyte",
            "none of 1 addresses gave it with MD5",
        ),
        "small/sources/test": (
            "prepare_images/small/test",
            "t10k-images-idx3-ubyte: images of (20, 20) pixels",
        ),
        "small/sources/train": ("prepare_images/small/train", "held_out is 5000, but from 1 to 19"),
        "pictures/sources/test": ("prepare_images/pictures/test", "zero has no picture"),
    }
    config = write_config(tmp_path / "c.yaml", {"datasets": sets})
    files = [f"results/{name}" for name in targets]
    outcome = run(tmp_path, "--keep-going", targets=files, configs=[TEST_CONFIG, config])
    assert outcome.status == 1
    for name, (log, message) in targets.items():
        assert message in (tmp_path / "results" / "logs" / f"{log}.log").read_text(), outcome.output
        assert not (tmp_path / "results" / name).exists(), name
    assert "root" in (tmp_path / "results/logs/fetch_mnist/away/t10k-labels-idx1-ubyte.log").read_text()
    assert not half_written(tmp_path / "results")


def test_a_given_denoiser_that_does_not_fit_is_refused_before_the_first_job(tmp_path: Path) -> None:
    digits = str(ROOT / "lass/shipped/diffusion/digits.safetensors")
    prior = str(ROOT / "lass/shipped/slakh-mini/priors/drums.safetensors")
    songs: dict[str, object] = {"classes": ["drums", "bass"], "conditional": True}
    for denoiser, message in (
        ({}, "a denoiser of sounds at 16000 Hz, not at 8000 Hz; train it"),
        (
            {"checkpoint": digits},
            "a denoiser of ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven'",
        ),
        ({"checkpoint": prior}, "expected 'lass.denoiser' version 1"),
        ({"conditional": False}, "a denoiser that is told the classes, but conditional is False; train it"),
    ):
        section = {"denoisers": {"songs": songs | denoiser}}
        change = {"sample_rate": 8000, "diffusion": section}
        told = refused(tmp_path, "test/diffusion/1-of-1.safetensors", change)
        assert "datasets.slakh.diffusion.denoisers.songs.checkpoint: " in told
        assert message in told


def test_a_given_denoiser_of_pictures_of_another_size_is_refused_before_the_first_job(tmp_path: Path) -> None:
    """Where its row stands in no table, too."""
    pictures = tmp_path / "pictures"
    for name in ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"):
        (pictures / "test" / name).mkdir(parents=True)
    change = {"source": "folder", "root": str(pictures), "size": 32}
    told = refused(tmp_path, "test/diffusion/1-of-1.safetensors", change, dataset="mnist")
    assert "datasets.mnist.diffusion.denoisers.digits.checkpoint: " in told
    assert "a denoiser of images of [1, 28, 28], not of images of [1, 32, 32]; train it" in told


def test_a_denoiser_that_no_row_asks_for_is_not_missed(tmp_path: Path) -> None:
    change = {"tables": {"sdr": {"rows": ["mixture"]}}, "diffusion": {"denoisers": {"songs": None}}}
    outcome = run_changed(tmp_path, "mixtures/test.parquet", change)
    assert outcome.status == 0, outcome.output


def test_a_given_codec_of_another_rate_is_refused_before_the_first_job(tmp_path: Path) -> None:
    given = str(ROOT / "lass/shipped/slakh-mini/codec.safetensors")
    prior = str(ROOT / "lass/shipped/slakh-mini/priors/drums.safetensors")
    for codec, message in (
        ({"checkpoint": given}, "trained at 16000 Hz, but sample_rate is 8000; make them equal"),
        ({"checkpoint": prior}, "holds a transformer, but a vqvae is needed here"),
    ):
        told = refused(tmp_path, "tokens/train/1-of-1.parquet", {"sample_rate": 8000, "codec": codec})
        assert f"datasets.slakh.codec.checkpoint: {codec['checkpoint']}: {message}" in told


def refused(folder: Path, target: str, change: Mapping[str, object], *, dataset: str = "slakh") -> str:
    """What is said where no job of a data set with such settings is started."""
    outcome = run_changed(folder, target, change, dataset=dataset)
    assert outcome.status == 1, outcome.output
    assert "No job has been started" in outcome.output
    assert not list((folder / "results" / dataset).glob("*"))
    return outcome.output


def run_changed(
    folder: Path, target: str, change: Mapping[str, object], *, dataset: str = "slakh"
) -> Outcome:
    """Make a file of a data set where `change` is among its settings and checkpoints are given."""
    changed = write_config(folder / "c.yaml", {"pretrained": True, "datasets": {dataset: change}})
    return run(folder, *SCATTER, targets=[f"results/{dataset}/{target}"], configs=[TEST_CONFIG, changed])
