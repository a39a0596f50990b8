"""How long a training step takes on this machine, of every network of music that a configuration trains.

Networks are new and learn from noise, in the sizes of the configuration: a step of the training loop, from
the batch (for the learned likelihood its codes, by a codec) to the new weights. What is printed beside it is
how many minutes all steps of the configuration take. Reading recordings and validation are not in it.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import read_settings
from lass.compute.devices import choose_device, choose_precision
from lass.compute.timing import describe_device, seconds_of
from lass.config import AudioDataset
from lass.models.checkpoint import new_network
from lass.models.codec import CodecAt
from lass.models.likelihood_network import LikelihoodNetwork
from lass.models.likelihood_network import shape_of as network_shape
from lass.models.separator_settings import Supervised
from lass.models.separators import new_separator, parameters_of
from lass.models.settings import NetworkSettings, Training
from lass.models.transformer import Transformer
from lass.models.transformer import shape_of as prior_shape
from lass.models.vqvae import Vqvae
from lass.models.vqvae import shape_of as codec_shape
from lass.training import Run, new_optimizer, training_step

WARM = 2  # steps that are not timed
LOUDNESS = 0.1  # of the noise

Draw = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Case:
    """A network, what it learns from, and how it is trained."""

    name: str
    network: nn.Module
    draw: Draw
    training: Training


def noise(rng: np.random.Generator, *shape: int) -> Tensor:
    """Waveforms of noise, float32."""
    return LOUDNESS * torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def codec_case(dataset: AudioDataset, device: torch.device) -> Case:
    """The codec, which learns from crops."""
    codec = dataset.codec
    network = new_network(Vqvae, codec_shape(codec, image=None), seed=0, **codec.factors).to(device)

    def draw(rng: np.random.Generator) -> Tensor:
        return noise(rng, codec.training.batch, codec.crop).to(device)

    return Case("codec", network, draw, codec.training)


def prior_case(name: str, dataset: AudioDataset, device: torch.device) -> Case:
    """A prior, which learns from windows of codes."""
    prior, codes = dataset.priors[name], dataset.codec.codes
    shape = prior_shape(prior, codes=codes, context=dataset.tokens)
    network = new_network(Transformer, shape, seed=0, dropout=prior.dropout).to(device)

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        windows = torch.from_numpy(rng.integers(codes, size=(prior.training.batch, dataset.tokens)))
        return windows.to(device), torch.zeros(prior.training.batch, dtype=torch.int64, device=device)

    return Case(f"prior {name}", network, draw, prior.training)


def network_case(settings: NetworkSettings, dataset: AudioDataset, codec: CodecAt) -> Case:
    """The learned likelihood, which learns from mixtures and what `codec` makes of them and their sources."""
    sources, length = dataset.sources, round(settings.seconds * dataset.sample_rate)
    shape = network_shape(settings, codec=codec, sources=sources)

    @torch.no_grad()
    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        waves = noise(rng, settings.training.batch, sources, length).to(codec.device)
        codes = codec.encode(waves.flatten(0, 1)).unflatten(0, waves.shape[:2])
        return waves.mean(dim=1), codec.latents(waves.mean(dim=1)), codes

    network = new_network(LikelihoodNetwork, shape, seed=0).to(codec.device)
    return Case("network", network, draw, settings.training)


def separator_case(name: str, dataset: AudioDataset, supervised: Supervised, device: torch.device) -> Case:
    """A supervised network, which learns from mixtures and their addends."""
    settings = supervised.networks[name]
    network = new_separator(settings, sources=dataset.sources, seed=0).to(device)
    length = round(supervised.seconds * dataset.sample_rate)

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        addends = noise(rng, settings.training.batch, dataset.sources, length).to(device)
        return addends.sum(dim=1), addends

    return Case(name, network, draw, settings.training)


def cases(dataset: AudioDataset, device: torch.device) -> Iterator[Case]:
    """The networks of a data set, in the order in which the workflow trains them."""
    codec = codec_case(dataset, device)
    yield codec
    for name in dataset.priors:
        yield prior_case(name, dataset, device)
    if dataset.likelihood.network is not None:
        assert isinstance(codec.network, Vqvae)
        yield network_case(
            dataset.likelihood.network, dataset, CodecAt(codec.network.eval(), precision="float32")
        )
    for name in dataset.supervised.networks if dataset.supervised else ():
        assert dataset.supervised is not None
        yield separator_case(name, dataset, dataset.supervised, device)


def seconds_per_step(case: Case, *, steps: int) -> float:
    """Mean over `steps` steps of the training loop, after WARM others."""
    device = next(case.network.parameters()).device
    precision = choose_precision(case.training.precision, device)
    optimizer = new_optimizer(case.network, case.training)
    run = Run(case.draw, [], case.training, seed=0, made={}, code="", state_path=Path())

    def some(first: int, count: int) -> None:
        for step in range(first, first + count):
            training_step(case.network, optimizer, run, step=step, precision=precision)

    some(0, WARM)
    return seconds_of(lambda: some(WARM, steps), device) / steps


def main() -> None:
    """Print a table and write training.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"), help="overrides")
    parser.add_argument("--dataset", default="slakh")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=10, help="timed steps per network")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error(f"--steps is {arguments.steps}: at least one step has to be timed")
    dataset = read_settings(arguments.config).datasets.get(arguments.dataset)
    if not isinstance(dataset, AudioDataset):
        parser.error(f"--dataset is {arguments.dataset!r}: name a data set of audio of the configuration")
    machine, device, rows = hardware(), choose_device(arguments.device), list[dict[str, object]]()
    print(f"{described(machine)}, {describe_device(device)}")
    for case in cases(dataset, device):
        seconds = seconds_per_step(case, steps=arguments.steps)
        precision = choose_precision(case.training.precision, device)
        minutes = seconds * case.training.steps / 60
        parameters = parameters_of(case.network)
        print(
            f"{case.name:16s}{parameters:>12,} parameters {precision:9s}{seconds:8.3f} s per step, "
            f"{case.training.steps:5d} steps: {minutes:.0f} minutes"
        )
        rows.append(
            {"network": case.name, "parameters": parameters, "precision": precision}
            | {"seconds_per_step": round(seconds, 4), "steps": case.training.steps}
        )
    write_rows(arguments.out / "training.csv", [row | machine for row in rows])


if __name__ == "__main__":
    main()
