"""What the separation benchmark separates: the default music models, MNIST's, or random ones of any size."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import yaml
from snakemake.utils import update_config
from torch import Tensor

from benchmarks.randoms import random_likelihood
from lass.config import AudioDataset, Config, ImageDataset, parse_config
from lass.data.mixtures import Batch, open_mixtures
from lass.evaluation.separations import spread_items
from lass.likelihood.tensor import Likelihood
from lass.models.checkpoint import new_network
from lass.models.codec import CodecAt, open_codec
from lass.models.parts import open_model
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape
from lass.separation.settings import Measured

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")


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


@dataclass(frozen=True)
class Run:
    """A finished run of one data set: its settings, and the folder of its results."""

    settings: Config
    name: str  # of the data set
    results: Path
    split: str = "test"  # whose mixtures are looked at

    @property
    def dataset(self) -> AudioDataset | ImageDataset:
        """The settings of the data set."""
        return self.settings.datasets[self.name]

    @property
    def folder(self) -> Path:
        """Where its results are."""
        return self.results / self.name

    def checkpoint(self, named: str | None, trained: str) -> Path:
        """The checkpoint that the settings name and want, or else the one that the run trained."""
        return ROOT / named if self.settings.pretrained and named else self.folder / trained

    def codec(self, device: torch.device = CPU) -> CodecAt:
        """The codec, in float32."""
        path = self.checkpoint(self.dataset.codec.checkpoint, "codec.safetensors")
        return open_codec(path, self.dataset.check_codec, device=device)

    def mixtures(self, number: int) -> Batch:
        """So many mixtures with their sources, from all over the list, and so of many items."""
        table, sources = needed_files(self.results, self.name, self.split)
        mixtures = open_mixtures(sources, table, self.dataset.library)
        return mixtures.load(spread_items(len(mixtures), number))

    @property
    def likelihood(self) -> Path:
        """The table of counts."""
        named = self.dataset.beside_codec(self.dataset.likelihood.checkpoint)
        return self.checkpoint(named, "likelihood.safetensors")

    @property
    def priors(self) -> list[Path]:
        """The prior of every class."""
        return [
            self.checkpoint(self.dataset.priors[each.prior].checkpoint, f"priors/{each.prior}.safetensors")
            for each in self.dataset.prior_of_each_class
        ]

    def measured(self, name: Measured) -> Path:
        """What a decoder or a method asks for beside these."""
        named = self.dataset.beside_codec(self.dataset.checkpoint_of(name))
        return self.checkpoint(named, f"{name}.safetensors")


def needed_files(results: Path, dataset: str, split: str = "test") -> tuple[Path, Path]:
    """What of a finished run `Run.mixtures` reads: the table of a split's mixtures, and their sources."""
    folder = results / dataset
    return folder / f"mixtures/{split}.parquet", folder / "sources" / split


def open_run(dataset: str, *, results: Path, config: Path, split: str = "test") -> Run:
    """The run of the configuration `config` (overrides of the default) in `results`, and a split of it."""
    settings = read_settings(config)
    if dataset not in settings.datasets:
        raise ValueError(f"dataset {dataset!r} is none of {sorted(settings.datasets)}: name one of them")
    return Run(settings, dataset, results, split)


def open_problem(run: Run, *, mixtures: int) -> Problem:
    """Mixtures of a run from all over the list, which are decoded as if they had equal priors.

    Where the sources of mixtures have no fixed class (images), the priors are those of the first classes.
    """
    dataset, codec = run.dataset, run.codec()
    data = torch.from_numpy(run.mixtures(mixtures).mixtures)
    codes = torch.cat([codec.encode(row[None]) for row in data])
    model = open_model(
        codec,
        likelihood=run.likelihood,
        counted=dataset.tuple_origin.encoded(codec.identity),
        priors=list(zip(run.priors, dataset.prior_of_each_class, strict=True)),
        length=codes.shape[1],
    )
    priors = [
        cast("TransformerPrior", model.priors[name]) for name in dataset.source_classes[: dataset.sources]
    ]
    return Problem(model.counts.fallback[codes], priors, model.counts.likelihood)


def run_parser(
    description: str | None, *, mixtures: int, drawn: str = "from all over their list"
) -> argparse.ArgumentParser:
    """Arguments of a benchmark that reads a finished run, and so many mixtures, which are `drawn`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the finished run")
    parser.add_argument(
        "--config", type=Path, default=Path("config/config.yaml"), help="of the run: overrides of the default"
    )
    parser.add_argument("--dataset", default="slakh", help="name of the data set")
    parser.add_argument("--mixtures", type=int, default=mixtures, help=drawn)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    return parser


def oracle_parser(description: str | None) -> argparse.ArgumentParser:
    """Arguments of a benchmark that looks at the true sources of a finished run."""
    parser = run_parser(description, mixtures=16)
    parser.add_argument(
        "--split", default="validation", choices=["validation", "test"], help="whose mixtures"
    )
    return parser


def asked_run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Run:
    """The run that arguments of an `oracle_parser` name.

    The parser ends the program where it is none of audio, or its mixtures of that split are not there.
    """
    split = arguments.split
    run = open_run(arguments.dataset, results=arguments.results, config=arguments.config, split=split)
    if not isinstance(run.dataset, AudioDataset):
        parser.error(f"{run.name} holds images, and this is about music: name another data set")
    for path in needed_files(run.results, run.name, split):
        if not path.exists():
            parser.error(f"the run has no {path}: make it by snakemake, as a target behind --")
    return run


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


def random_problem(sizes: RandomSizes, *, mixtures: int, seed: int, device: str = "cpu") -> Problem:
    """Random codes, an untrained prior per source, drawn on `device`, and a random table."""
    rng = np.random.default_rng(seed)
    with torch.device(device):
        networks = [new_network(Transformer, sizes.prior, seed=seed + n) for n in range(sizes.sources)]
    likelihood = random_likelihood(rng, codes=sizes.codes, sources=sizes.sources, entries=sizes.entries)
    mixture = torch.from_numpy(rng.integers(sizes.codes, size=(mixtures, sizes.length)))
    return Problem(mixture, [TransformerPrior(network) for network in networks], likelihood)
