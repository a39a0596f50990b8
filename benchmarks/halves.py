"""Does a diffusion prior find two sources likelier than half of their sum in the place of both?

Where one prior stands for two sources of a mixture, half of the mixture as either estimate adds up as well as
the sources do. The less likely a signal is, the larger is a denoiser's squared error on it: of an exact one,
half its integral over 1 / sigma² is the negative log-likelihood, up to a constant. Reads the validation
sources and the denoisers of a finished run. Pairs are of crops that are equally loud (their deviation is that
of the training data), or of images as they are. Prints by how many decibels the error on half of the sum is
larger than on the two sources, at levels of noise relative to the deviation; and by how many nats per pair
the halves are less likely, with the standard error, by levels from 1/128 to 16. Writes halves.csv.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import Run, open_run, run_parser
from lass.compute.seeds import generator
from lass.data.crops import examples, open_crops
from lass.models.diffusion import DenoiserNetwork, by_class, read_denoiser
from lass.models.noise_levels import decibels

LEVELS = [2 ** (step / 2) for step in range(-14, 9)]  # deviations
AT_ONCE = 16  # sources in the network
SILENT = 1e-3  # of the mean power: what is softer is not paired

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""What a network does with noisy sources [n, T], their levels [n] and the indices of their classes [n]."""


@dataclass(frozen=True)
class Compared:
    """Half sums beside their sources, by a prior."""

    decibels: dict[float, float]  # by level: how much larger the mean squared error is
    nats: Tensor  # [pairs]: by which twice the half sum is less likely than the two sources

    @property
    def row(self) -> dict[str, float]:
        """A row of halves.csv, without its names."""
        error = float(self.nats.std() / math.sqrt(len(self.nats)))
        told: dict[str, float] = {"pairs": len(self.nats), "nats": float(self.nats.mean()), "nats_se": error}
        told["halves_likelier"] = float((self.nats < 0).double().mean())
        return told | {f"decibels_{level:.4g}": value for level, value in self.decibels.items()}


@torch.no_grad()
def squared_errors(denoise: Denoise, sources: Tensor, noise: Tensor, *, sigma: float, index: int) -> Tensor:
    """[n] float64: of `sources` [n, T] of class `index` in `sigma` times `noise` [n, T]."""
    errors = list[Tensor]()
    for clean, added in zip(sources.split(AT_ONCE), noise.split(AT_ONCE), strict=True):
        told = clean.new_full((len(clean),), sigma), torch.full((len(clean),), index)
        errors.append((denoise(clean + sigma * added, *told) - clean).square().sum(dim=1).double())
    return torch.cat(errors)


def compare(
    denoise: Denoise, first: Tensor, second: Tensor, *, deviation: float, index: int, rng: np.random.Generator
) -> Compared:
    """Pairs of sources [n, T] of class `index`, in the same noise as half of their sums."""
    gains, differences = dict[float, float](), list[Tensor]()
    for level in LEVELS:
        sigma = level * deviation
        noise = torch.from_numpy(rng.standard_normal(first.shape)).to(first)
        halves, one, other = (
            squared_errors(denoise, sources, noise, sigma=sigma, index=index)
            for sources in ((first + second) / 2, first, second)
        )
        apart = (one + other) / 2
        gains[level] = decibels(float(halves.mean()), float(apart.mean()))
        differences.append((halves - apart) / sigma**2)  # of each of two halves, in d log(1 / sigma²)
    logarithms = -2 * torch.tensor(LEVELS, dtype=torch.float64).log()
    nats = torch.trapezoid(torch.stack(differences).flip(0), logarithms.flip(0), dim=0)
    return Compared(gains, nats)


def paired(sources: Tensor, deviation: float, *, images: bool) -> tuple[Tensor, Tensor]:
    """Sources [n, T] as pairs; sounds that are not silent, brought to one loudness.

    ValueError for fewer than two pairs.
    """
    if not images:
        powers = sources.square().mean(dim=1)
        loud = powers > SILENT * powers.mean()
        sources = sources[loud] * (deviation / powers[loud].sqrt()[:, None])
    number = len(sources) // 2
    if number < 2:
        raise ValueError(f"{len(sources)} sources that are not silent make {number} pairs: draw more")
    return sources[:number], sources[number : 2 * number]


def checkpoint_of(run: Run, denoiser: str) -> Path:
    """The one that the settings name, or that the run has trained."""
    assert run.dataset.diffusion is not None
    named = run.dataset.diffusion.denoisers[denoiser].checkpoint
    return run.checkpoint(named, f"denoisers/{denoiser}.safetensors")


def compared_priors(run: Run, *, pairs: int) -> Iterator[tuple[str, str, Compared]]:
    """Denoiser, class and what came out, of every prior of a run with diffusion."""
    diffusion = run.dataset.diffusion
    assert diffusion is not None
    for name in dict.fromkeys(diffusion.priors.values()):
        settings = diffusion.denoisers[name]
        path = checkpoint_of(run, name)
        network = read_denoiser(
            path, classes=settings.classes, conditional=settings.told, data=run.dataset.denoiser_check
        )
        told = network.shape.classes
        crops = open_crops(
            run.folder / "sources/validation",
            run.dataset.library,
            classes=settings.classes,
            batch=AT_ONCE,
            length=settings.crop,
            gain=0.0,
        )
        parts = by_class(examples(crops, run.settings.seed, count=2 * pairs * max(1, told)), told=told)
        names = settings.classes if told else ["+".join(settings.classes)]
        for index, (source, sources) in enumerate(zip(names, parts, strict=True)):
            yield name, source, compare_sources(network, sources, index=index, seed=run.settings.seed)


def compare_sources(network: DenoiserNetwork, sources: Tensor, *, index: int, seed: int) -> Compared:
    """Pairs of sources [n, T] of class `index` by a network."""
    deviation = float(network.deviations[index])
    first, second = paired(sources, deviation, images=network.shape.image is not None)
    rng = generator(seed, "levels")
    return compare(network, first, second, deviation=deviation, index=index, rng=rng)


def main() -> None:
    """Print a table and write halves.csv."""
    parser = run_parser(__doc__, mixtures=64, drawn="pairs of sources of every class, drawn at random")
    arguments = parser.parse_args()
    run = open_run(arguments.dataset, results=arguments.results, config=arguments.config)
    if arguments.mixtures < 2:
        parser.error(f"--mixtures is {arguments.mixtures}: give at least 2, as a standard error needs")
    if run.dataset.diffusion is None:
        parser.error(f"{run.name} has no section diffusion: name a data set with denoisers")
    needed = [run.folder / "sources/validation"]
    needed += [checkpoint_of(run, name) for name in run.dataset.diffusion.priors.values()]
    for path in needed:
        if not path.exists():
            parser.error(f"the run has no {path}: make it by snakemake, as a target behind --")
    machine, rows = hardware() | {"precision": "float32"}, list[dict[str, object]]()
    print(described(machine))
    for name, source, compared in compared_priors(run, pairs=arguments.mixtures):
        row = compared.row
        rows.append({"denoiser": name, "source": source} | row | machine)
        print(f"{name}, {source}")
        print("  level   " + " ".join(f"{level:7.3g}" for level in LEVELS[::2]))
        print("  decibels" + " ".join(f"{compared.decibels[level]:7.1f}" for level in LEVELS[::2]))
        print("  {nats:.0f} +- {nats_se:.0f} nats; halves likelier in {halves_likelier:.0%}".format(**row))
    write_rows(arguments.out / "halves.csv", rows)


if __name__ == "__main__":
    main()
