"""One job of every rule of the toy run, and a job that reads what it makes."""

from dataclasses import dataclass
from pathlib import Path

from tests.data.images.idx_files import write_mnist
from tests.workflow.runner import TEST_CONFIG, write_config


@dataclass(frozen=True)
class Job:
    """What is disturbed."""

    rule: str
    outputs: tuple[str, ...]  # below results/
    reader: tuple[str, ...] = ()  # outputs of a job that reads them; none where people do
    files: int = 1  # the how-many-th file that it makes is the one that it is killed at
    reads: bool = True  # files below results/


JOBS = [
    Job("compose_songs", ("slakh/songs/test",), ("slakh/sources/test",), 2, reads=False),
    Job("extract_sources", ("slakh/sources/test",), ("slakh/mixtures/test.parquet",), files=2),
    Job(
        "prepare_images",
        ("mnist/sources/validation",),
        ("mnist/tokens/validation/1-of-1.parquet",),
        reads=False,
    ),
    Job("draw_mixtures", ("slakh/mixtures/test.parquet",), ("slakh/test/hpss/1-of-1.safetensors",)),
    Job("train_codec", ("slakh/codec.safetensors",), ("slakh/residual.safetensors",), files=3),
    Job("tokenize_sources", ("slakh/tokens/train/1-of-1.parquet",), ("slakh/counts/1-of-1.safetensors",)),
    Job("count_tuples", ("slakh/counts/1-of-1.safetensors",), ("slakh/likelihood.safetensors",)),
    Job("merge_counts", ("slakh/likelihood.safetensors",), ("slakh/density.csv",)),
    Job("measure_density", ("slakh/density.csv",), ("density.csv",)),
    Job("fit_frames", ("mnist/frames.safetensors",), ("mnist/test/candidates/frames/1-of-1.parquet",)),
    Job("fit_residual", ("slakh/residual.safetensors",), ("slakh/test/lass/1-of-1.safetensors",)),
    Job("fit_nmf", ("mnist/nmf.safetensors",), ("mnist/test/nmf/1-of-1.safetensors",)),
    Job(
        "train_network", ("slakh/network.safetensors",), ("slakh/test/candidates/learned/1-of-1.parquet",), 2
    ),
    Job("train_prior", ("slakh/priors/bass.safetensors",), ("slakh/priors.csv",), files=3),
    Job("evaluate_priors", ("slakh/priors.csv",), ("priors.csv",)),
    Job(
        "train_separator",
        ("slakh/separators/conv_tasnet.safetensors",),
        ("slakh/test/conv_tasnet/1-of-1.safetensors",),
        files=2,
    ),
    Job(
        "draw_candidates",
        ("slakh/test/candidates/learned/1-of-1.parquet",),
        ("slakh/test/learned/1-of-1.safetensors",),
    ),
    Job(
        "separate_mixtures",
        ("slakh/test/learned/1-of-1.safetensors",),
        ("slakh/test/scores/learned/1-of-1.csv",),
    ),
    Job(
        "score_estimates",
        ("slakh/test/scores/learned/1-of-1.csv",),
        ("slakh_sdr.csv", "slakh_sdr.png", "slakh_sdr.json"),
    ),
    Job(
        "tabulate_scores", ("slakh_sdr.csv", "slakh_sdr.png", "slakh_sdr.json"), ("slakh_sdr.html",), files=2
    ),
    Job("show_separations", ("slakh_separations.png", "slakh_examples"), files=3),
    Job("show_candidates", ("mnist_candidates.png", "mnist_candidates.html")),
    Job("draw_page", ("slakh_sdr.html",)),
    Job("gather_tables", ("density.csv",)),
    Job("pack_model", ("slakh/model",)),
]
"""In the order of the data. `rules` says why the others have no job here."""

TARGETS = [
    "all",
    "results/slakh/model",
    "results/mnist/test/nmf/1-of-1.safetensors",
    "results/mnist/test/candidates/frames/1-of-1.parquet",
    "results/mnist_candidates.png",
]


def configs(toy: Path) -> list[Path]:
    """The configurations of the toy run in the folder `toy`, which may be of audio alone."""
    images = toy / "images.yaml"
    return [TEST_CONFIG, images] if images.exists() else [TEST_CONFIG]


def begin_toy(toy: Path) -> None:
    """Make the folder of a toy run of audio and images."""
    toy.mkdir(parents=True, exist_ok=True)
    if not (toy / "images.yaml").exists():
        write_mnist(toy / "digits", train=1400, test=300)
        write_config(toy / "images.yaml", {"datasets": {"mnist": {"root": str(toy / "digits")}}})
