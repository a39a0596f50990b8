"""What the separation benchmark separates: the default music models, MNIST's, or random ones of any size."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from snakemake.utils import update_config
from torch import Tensor

from lass.assembly.images import open_image_library
from lass.assembly.priors import open_prior
from lass.config import Config, parse_config
from lass.data.audio.tracks import open_library
from lass.data.mixtures import Chunk, load_chunk, read_mixtures
from lass.data.pairs import load_images, read_image_mixtures
from lass.likelihood.tensor import Likelihood, nearest_counted, read_likelihood
from lass.models.checkpoint import new_network, read_vqvae
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape
from lass.models.vqvae import Vqvae

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Problem:
    """Mixtures to decode, and what they are decoded with."""

    mixture: Tensor  # [M, S] int64: codes of the mixtures, all of them counted
    priors: list[TransformerPrior]  # one per source
    likelihood: Likelihood

    def to(self, device: str, precision: str) -> "Problem":
        """The same on `device`; its priors move there themselves, and are rounded to `precision`."""
        for prior in self.priors:
            prior.network.to(device, {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision])
        return Problem(self.mixture.to(device), self.priors, self.likelihood.to(device))


@dataclass(frozen=True)
class RandomSizes:
    """Sizes of a random problem: untrained priors, and a table with `entries` tuples in every slice."""

    codes: int = 512  # K
    sources: int = 2  # N
    entries: int = 4096
    length: int = 750  # S: 3 s at 250 tokens per second
    layers: int = 5  # of the default music priors, as the next two
    width: int = 256
    heads: int = 2

    @property
    def prior(self) -> TransformerShape:
        """Sizes of every prior."""
        return TransformerShape(
            codes=self.codes,
            classes=1,
            context=self.length,
            layers=self.layers,
            width=self.width,
            heads=self.heads,
            kv_heads=1,
        )


def needed_files(results: Path, dataset: str) -> list[Path]:
    """Files of a finished run that `open_problem` reads."""
    folder = results / dataset
    return [folder / "likelihood.safetensors", folder / "mixtures/test.parquet", folder / "sources/test"]


def open_problem(dataset: str, *, results: Path, config: Path, mixtures: int) -> Problem:
    """Test mixtures of `slakh` (from all over the list) or `mnist`, with the checkpoints of `config`."""
    settings = read_settings(config)
    part = settings if dataset == "slakh" else settings.mnist
    vqvae = open_vqvae(settings, dataset, results / dataset)
    read = music if dataset == "slakh" else digits
    waveforms = torch.from_numpy(read(settings, results / dataset, mixtures))
    codes = torch.cat([vqvae.encode(waveform[None]) for waveform in waveforms])
    sources = len(part.weights)
    likelihood = read_likelihood(needed_files(results, dataset)[0], sources=sources)
    opened: dict[tuple[str, str | None], TransformerPrior] = {}
    priors = []
    for source in part.classes[:sources]:
        name = part.separation.priors[source]
        entry = part.priors[name]
        key = (name, source if entry.conditional else None)  # told no class, it serves them all
        if key not in opened:
            opened[key] = open_prior(
                checkpoint(settings, entry.checkpoint, results / dataset / f"priors/{name}.safetensors"),
                classes=entry.classes,
                conditional=entry.conditional,
                source=source,
                codebook=vqvae.quantizer.identity,
                length=codes.shape[1],
            )
        priors.append(opened[key])
    counted = nearest_counted(likelihood, vqvae.quantizer.codebook)[codes]
    return Problem(counted, priors, likelihood)


def run_parser(description: str | None, *, mixtures: int) -> argparse.ArgumentParser:
    """Arguments of a benchmark that reads a finished run."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the finished run")
    parser.add_argument(
        "--config", type=Path, default=Path("config/config.yaml"), help="of the run: overrides of the default"
    )
    parser.add_argument(
        "--mixtures", type=int, default=mixtures, help="of music, from all over the test list"
    )
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    return parser


def read_settings(overrides: Path) -> Config:
    """The default configuration with the file `overrides` merged into it, as Snakemake does."""
    return parse_config(merge_files(ROOT / "config/config.yaml", overrides))


def merge_files(*paths: Path) -> dict[str, Any]:
    """The mappings of YAML files, each merged into those before it.

    The first is merged, too, into nothing: that copies every mapping. An anchor's mapping is one object
    wherever its alias stands, so that an override of one of its places would change all others.
    """
    values: dict[str, Any] = {}
    for path in paths:
        update_config(values, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return values


def checkpoint(settings: Config, named: str | None, trained: Path) -> Path:
    """The checkpoint that the settings name and want, or else the one that the run trained."""
    return ROOT / named if settings.pretrained and named else trained


def open_vqvae(settings: Config, dataset: str, folder: Path) -> Vqvae:
    """The VQ-VAE of a data set whose results are in `folder`."""
    vqvae = (settings if dataset == "slakh" else settings.mnist).vqvae
    path = checkpoint(settings, vqvae.checkpoint, folder / "vqvae.safetensors")
    return read_vqvae(path, hop=vqvae.hop)


def chunks(settings: Config, folder: Path, mixtures: int) -> list[Chunk]:
    """Test mixtures of music with their sources, from all over the list, and so from many songs."""
    library = open_library(folder / "sources/test", rate=settings.slakh.sample_rate, classes=settings.classes)
    table = read_mixtures(folder / "mixtures/test.parquet")
    return [load_chunk(library, table, row) for row in spread(len(table), mixtures)]


def spread(rows: int, number: int) -> list[int]:
    """`number` of the `rows` of a table, evenly from the first to the last; all where there are fewer."""
    chosen: list[int] = np.linspace(0, rows - 1, min(number, rows)).round().astype(int).tolist()
    return chosen


def music(settings: Config, folder: Path, mixtures: int) -> np.ndarray:
    """Waveforms y [M, T]."""
    return np.stack([chunk.audio for chunk in chunks(settings, folder, mixtures)])


def true_sources(settings: Config, folder: Path, mixtures: int) -> np.ndarray:
    """Sources x_n [M, N, T] of the same mixtures."""
    return np.stack([chunk.sources for chunk in chunks(settings, folder, mixtures)])


def digits(settings: Config, folder: Path, mixtures: int) -> np.ndarray:
    """Overlaid images y [M, T]."""
    known = {"image": settings.mnist.image, "classes": settings.mnist.classes}
    library = open_image_library(folder / "sources/test", known)
    table = read_image_mixtures(folder / "mixtures/test.parquet")
    return load_images(library, table, range(min(mixtures, len(table)))).mixtures


def random_problem(sizes: RandomSizes, *, mixtures: int, seed: int, device: str = "cpu") -> Problem:
    """Random codes, an untrained prior per source, drawn on `device`, and a random table."""
    rng = np.random.default_rng(seed)
    with torch.device(device):
        networks = [new_network(Transformer, sizes.prior, seed=seed + n) for n in range(sizes.sources)]
    number = min(sizes.entries, sizes.codes**sizes.sources)
    keys = np.stack([draw_distinct(rng, sizes.codes**sizes.sources, number) for _ in range(sizes.codes)])
    tuples = np.stack(np.unravel_index(keys, (sizes.codes,) * sizes.sources), axis=-1)  # [K, n, N]
    likelihood = Likelihood(
        offsets=torch.arange(sizes.codes + 1) * number,
        tuples=torch.from_numpy(tuples.reshape(-1, sizes.sources).astype(np.uint16)),
        log_likelihood=torch.from_numpy(np.log(rng.random(keys.size)).astype(np.float32)),
        codebook_size=sizes.codes,
        sources=sizes.sources,
    )
    mixture = torch.from_numpy(rng.integers(sizes.codes, size=(mixtures, sizes.length)))
    return Problem(mixture, [TransformerPrior(network) for network in networks], likelihood)


def draw_distinct(rng: np.random.Generator, bound: int, number: int) -> np.ndarray:
    """`number` different integers under `bound`, ascending."""
    found = np.unique(rng.integers(bound, size=2 * number)) if number < bound // 4 else np.arange(bound)
    return np.sort(rng.choice(found, size=number, replace=False))
