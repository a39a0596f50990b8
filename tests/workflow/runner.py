"""Runs Snakemake as a user would: dry runs in this process, everything else as a command of its own."""

import contextlib
import gc
import hashlib
import io
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.cli import main as snakemake
from snakemake.utils import update_config

from tests.workflow.launching import PATIENCE, Outcome, launched, started

ROOT = Path(__file__).parents[2]
TEST_CONFIG = ROOT / "config" / "test.yaml"
# One thread per job, so that two jobs share two cores.
THREADED = (
    "compose_songs",
    "time_method",
    "train_codec",
    "train_denoiser",
    "train_network",
    "train_prior",
    "train_separator",
)
THREADS = ["--set-threads", *(f"{rule}=1" for rule in THREADED)]
# Fewer shards than by default are fewer jobs, each of which takes seconds to start.
SCATTER = ["--set-scatter", "tokens=1", "counts=1", "mixtures=1"]

# What a run is for, and what others may build on.
FINAL = [
    "results/slakh_sdr.csv",
    "results/slakh_sdr.json",
    "results/slakh_sdr.png",
    "results/slakh_sdr.html",
    "results/slakh_separations.png",
    "results/slakh_examples",
    "results/density.csv",
    "results/priors.csv",
    "results/slakh/codec.safetensors",
    "results/slakh/likelihood.safetensors",
    "results/slakh/priors/drums.safetensors",
    "results/slakh/priors/bass.safetensors",
]
FINAL_IMAGES = [
    "results/mnist_psnr.csv",
    "results/mnist_psnr.json",
    "results/mnist_psnr.png",
    "results/mnist_psnr.html",
    "results/mnist_decoders.csv",
    "results/mnist_separations.png",
    "results/mnist_examples",
    "results/density.csv",
    "results/priors.csv",
    "results/mnist/codec.safetensors",
    "results/mnist/likelihood.safetensors",
    "results/mnist/priors/digits.safetensors",
]
# A table that is no target of its own: asked for by name.
IMAGE_TARGETS = ["all", "results/mnist_decoders.csv"]


def name_of(value: object) -> str:
    """What a test is called by: the same in every process, which order sets in their own way."""
    return ", ".join(sorted(map(str, value))) if isinstance(value, set) else str(value)


def arguments(
    directory: Path,
    *options: str | Path,
    targets: Sequence[str] = (),
    configs: Sequence[Path] = (TEST_CONFIG,),
    snakefile: Path = ROOT / "Snakefile",
) -> list[str]:
    """Command line for a run in `directory`, with the overrides in `configs`."""
    line = ["--snakefile", snakefile, "--directory", directory, *options]
    if configs:
        line += ["--configfile", *configs]
    return [str(part) for part in [*line, "--", *targets]]


def dry_run(directory: Path, *options: str | Path, **wanted: Any) -> Outcome:
    """What Snakemake would run in `directory`; `wanted` as in `arguments`."""
    text, here, status = io.StringIO(), Path.cwd(), 0
    line = ["--cores", "1", "--dry-run", "--quiet", "rules", *arguments(directory, *options, **wanted)]
    with warnings.catch_warnings(), contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        warnings.simplefilter("ignore")  # temporary folders are left to the collector
        try:
            snakemake(line)
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            os.chdir(here)
            gc.collect()
    return Outcome(status, text.getvalue())


def command(directory: Path, *options: str | Path, **wanted: Any) -> list[str]:
    """The arguments that run the workflow in `directory` on two cores; `wanted` as in `arguments`."""
    return ["--cores", "2", *THREADS, *arguments(directory, *options, **wanted)]


def run(directory: Path, *options: str | Path, **wanted: Any) -> Outcome:
    """Run the workflow in `directory` and wait for its end; `wanted` as in `arguments`.

    In a locale that it is asked to keep as it is, its jobs are processes of their own, as a user's are.
    """
    log, line = directory / "output.txt", command(directory, *options, **wanted)
    if os.environ.get("PYTHONUTF8") == "0":
        with started([sys.executable, "-m", "snakemake", *line], log) as running:
            status = running.wait(PATIENCE)
        return Outcome(status, log.read_text(encoding="utf-8"))
    with launched(line, log) as running:
        return running.wait()


def kill_when(reached: Callable[[], bool], directory: Path, *options: str | Path, **wanted: Any) -> None:
    """Run the workflow in `directory`; kill it with all of its jobs as soon as `reached` says so."""
    log, end = directory / "killed.txt", time.monotonic() + PATIENCE
    with launched(command(directory, *options, **wanted), log) as running:
        while not reached():
            assert not running.ended(), f"ended before it could be killed:\n{log.read_text()}"
            assert time.monotonic() < end, f"never got as far:\n{log.read_text()}"
            time.sleep(0.002)


def write_config(path: Path, values: Mapping[str, Any]) -> Path:
    """A file of overrides."""
    path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return path


def with_models(folder: Path, configs: Sequence[Path]) -> Path:
    """Overrides of these files: what they name below models/ and runs/ is an empty file in `folder`."""

    def moved(values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, dict) and (inner := moved(value)):
                found[name] = inner
            if name == "checkpoint" and str(value).startswith(("models/", "runs/")):
                found[name] = str(folder / value)
                (folder / value).parent.mkdir(parents=True, exist_ok=True)
                (folder / value).touch()
        return found

    merged: dict[str, Any] = {}
    for path in configs:
        update_config(merged, moved(yaml.safe_load(path.read_text(encoding="utf-8")) or {}))
    return write_config(folder / "models.yaml", merged)


def image_config(folder: Path, **values: Any) -> Path:
    """A file of overrides in `folder` that is about images alone; `values` are further keys of `mnist`."""
    mnist = {"root": str(folder / "digits"), **values}
    return write_config(folder / "images.yaml", {"targets": ["mnist"], "datasets": {"mnist": mnist}})


def small_audio(*priors: str) -> dict[str, Any]:
    """Overrides that make one of the examples of audio small: a second of 125 codes, and these priors."""
    training = {"steps": 60, "batch": 4, "warmup": 5, "learning_rate": 4e-3, "precision": "float32"}
    training |= {"validate_every": 20, "save_every": 60}
    decoder = {"hypotheses": 4, "kept": 4}
    return {
        "sample_rate": 8000,
        "mixtures": {"seconds": 1, "count": {"validation": 2, "test": 4}},
        "codec": {
            "codes": 32,
            "code_channels": 8,
            "strides": [8, 8],
            "channels": [16, 32],
            "decoder_blocks": 1,
            "crop": 4096,
            "training": training,
        },
        "likelihood": {"tuples": 100_000, "tokens": 60, "mixtures_per_group": 8},
        "priors": {name: {"layers": 1, "width": 32, "heads": 2, "training": training} for name in priors},
        "separation": {
            "batch": 2,
            "precision": "float32",
            "decoders": {"beam": decoder, "particles": decoder},
        },
        "residual": {"items": 2},
    }


def copy_run(toy: Path, directory: Path, *kept: str) -> Path:
    """A copy of a finished run with Snakemake's records; only the results `kept`, or all of them."""
    shutil.copytree(toy, directory, ignore=shutil.ignore_patterns("log"))
    if kept:
        shutil.rmtree(directory / "results")
        for name in kept:
            source, target = toy / "results" / name, directory / "results" / name
            shutil.copytree(source, target)
    return directory


def digests(directory: Path, *names: str) -> dict[str, str]:
    """File to hash of its bytes, for the files and folders `names` of a run, hidden files left out."""
    missing = [name for name in names if not (directory / name).exists()]
    assert not missing, f"{directory} lacks {missing}"
    paths = [path for name in names for path in (directory / name, *(directory / name).rglob("*"))]
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file() and not path.name.startswith(".")
    }
