"""How long a training step takes on this machine: codec, priors, learned likelihood and supervised networks.

They are those of a data set of audio, all as if none were given. Networks are new and learn from noise, in
the sizes of the configuration: a step of the training loop, from the batch (for the learned likelihood its
codes, by a codec) to the new weights. What is printed beside it is how many minutes all steps of the
configuration take. Reading recordings and validation are not in it.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import read_settings
from lass.compute.devices import choose_device, choose_precision
from lass.compute.seeds import generator
from lass.compute.timing import describe_device, seconds_of
from lass.config import AudioDataset
from lass.data.audio.tracks import AudioLibrary
from lass.data.batches import AudioBatches, CodeBatches, LabelledBatches, MixtureBatches
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


class Noise(AudioLibrary):
    """Noise in the place of recordings."""

    def crop(self, rng: np.random.Generator, length: int, source_class: str) -> np.ndarray:  # noqa: ARG002
        """Noise [length]."""
        return np.float32(LOUDNESS) * rng.standard_normal(length, dtype=np.float32)

    def related(self, rng: np.random.Generator, length: int, sources: Sequence[str]) -> np.ndarray:
        """Noise [N, length]."""
        return self.unrelated(rng, length, sources)


@dataclass(frozen=True)
class Case:
    """A network, what it learns from, and how it is trained."""

    name: str
    network: nn.Module
    draw: Callable[[np.random.Generator], Any]
    training: Training


def codec_case(dataset: AudioDataset, library: AudioLibrary, device: torch.device) -> Case:
    """The codec, which learns from crops."""
    codec = dataset.codec
    network = new_network(Vqvae, codec_shape(codec, image=None), seed=0, **codec.factors).to(device)
    batches = AudioBatches(
        library,
        dataset.source_classes,
        dataset.weights,
        length=codec.crop,
        batch=codec.training.batch,
        device=device,
    )
    return Case("codec", network, batches.draw, codec.training)


def prior_case(name: str, dataset: AudioDataset, device: torch.device) -> Case:
    """A prior, which learns from windows of codes."""
    prior, codes, length = dataset.priors[name], dataset.codec.codes, dataset.tokens
    shape = prior_shape(prior, codes=codes, context=length)
    network = new_network(Transformer, shape, seed=0, dropout=prior.dropout).to(device)
    drawn = generator(0, "training").integers(codes, size=2 * length)
    batches = CodeBatches([{"noise": drawn}], length=length, batch=prior.training.batch, device=device)
    return Case(f"prior {name}", network, batches.draw, prior.training)


def network_case(
    settings: NetworkSettings, dataset: AudioDataset, library: AudioLibrary, codec: CodecAt
) -> Case:
    """The learned likelihood, which learns from mixtures and what `codec` makes of them and their sources."""
    shape = network_shape(settings, codec=codec, sources=dataset.sources)
    network = new_network(LikelihoodNetwork, shape, seed=0).to(codec.device)
    batches = LabelledBatches(
        library,
        codec,
        dataset.source_classes,
        dataset.weights,
        length=round(settings.seconds * dataset.sample_rate),
        batch=settings.training.batch,
        related=settings.related,
    )
    return Case("network", network, batches.draw, settings.training)


def separator_cases(
    supervised: Supervised, dataset: AudioDataset, library: AudioLibrary, device: torch.device
) -> Iterator[Case]:
    """The supervised networks, which learn from mixtures and their addends."""
    for name, settings in supervised.networks.items():
        batches = MixtureBatches(
            library,
            dataset.source_classes,
            dataset.weights,
            length=round(supervised.seconds * dataset.sample_rate),
            batch=settings.training.batch,
            device=device,
        )
        network = new_separator(settings, sources=dataset.sources, seed=0).to(device)
        yield Case(name, network, batches.draw, settings.training)


def cases(dataset: AudioDataset, device: torch.device) -> Iterator[Case]:
    """The networks of a data set, in the order in which the workflow trains them."""
    library = Noise(Path(), dataset.sample_rate, tuple(dataset.classes), {})
    codec = codec_case(dataset, library, device)
    yield codec
    for name in dataset.priors:
        yield prior_case(name, dataset, device)
    if dataset.likelihood.network is not None:
        assert isinstance(codec.network, Vqvae)
        coded = CodecAt(codec.network.eval(), precision="float32")
        yield network_case(dataset.likelihood.network, dataset, library, coded)
    if dataset.supervised is not None:
        yield from separator_cases(dataset.supervised, dataset, library, device)


def seconds_per_step(case: Case, *, steps: int) -> float:
    """Mean over `steps` steps of the training loop, after WARM others."""
    device = next(case.network.parameters()).device
    precision = choose_precision(case.training.precision, device)
    optimizer = new_optimizer(case.network, case.training)
    run = Run(case.draw, [], case.training, seed=0, made={}, code="", state_path=Path())

    def take_steps(first: int, count: int) -> None:
        for step in range(first, first + count):
            training_step(case.network, optimizer, run, step=step, precision=precision)

    take_steps(0, WARM)
    return seconds_of(lambda: take_steps(WARM, steps), device) / steps


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
    device, rows = choose_device(arguments.device), list[dict[str, object]]()
    machine = hardware() | {"device": describe_device(device), "torch": torch.__version__}
    print(described(machine))
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
