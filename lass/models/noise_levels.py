"""What a denoiser has learnt, level by level of noise, beside the best linear filter of its data.

The filter knows the mean power of a class in the basis in which it is one number for each coefficient:
frequencies of sounds, principal components of images. A network whose error is not below that of the filter
has learnt less than this.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from lass.models.diffusion import DenoiserNetwork, by_class, mean_powers

LEVELS = tuple(2.0**octave for octave in range(-7, 5))
"""Levels of noise at which denoisers are checked, relative to the deviation of the data."""
LARGEST = 1024  # numbers of images whose principal components are taken; of larger ones, the points
AT_ONCE = 64  # sources that are denoised together


@dataclass(frozen=True)
class Checked:
    """Mean squared errors of the sources of one class at one level of noise."""

    source: str  # the class; of a network that is not told classes, all of them
    level: float  # relative to the deviation of the data
    sigma: float  # of the noise, in the numbers of the data
    network: float
    filter: float

    @property
    def gain(self) -> float:
        """By how much the network's error is below that of the filter, in dB."""
        return float(10 * np.log10(self.filter / self.network))

    @property
    def row(self) -> dict[str, str | float]:
        """The row of a table."""
        return asdict(self) | {"gain": self.gain}


def spectrum_of(sources: Tensor, *, points: bool) -> Tensor:
    """Mean power [F] of `sources` [n, T] by frequency, or of images (`points`) by principal component."""
    if not points or sources.shape[1] > LARGEST:
        return mean_powers(sources, points=points)
    moments = sources.double().T @ sources.double() / len(sources)
    powers: Tensor = torch.linalg.eigvalsh(moments).clamp(min=0).float()
    return powers


def filter_error(powers: Tensor, sigma: float, *, points: bool) -> float:
    """Mean squared error of the best linear filter at a level of noise: mean of `sigma² P / (sigma² + P)`."""
    errors = sigma**2 * powers / (sigma**2 + powers)
    if points:
        return float(errors.mean())
    inner = torch.ones_like(errors)
    inner[1:-1] = 2  # frequencies that stand for two
    return float((inner * errors).sum() / inner.sum())


@torch.no_grad()
def network_error(
    network: DenoiserNetwork, sources: Tensor, index: int, sigma: float, rng: np.random.Generator
) -> float:
    """Mean squared error of `network` on `sources` [n, T] of class `index` with noise of `sigma`."""
    total = 0.0
    for part in sources.split(AT_ONCE):
        noise = torch.from_numpy(rng.standard_normal(part.shape)).to(part)
        classes = torch.full((len(part),), index, device=part.device)
        found = network(part + sigma * noise, part.new_full((len(part),), sigma), classes)
        total += float((found - part).square().sum())
    return total / sources.numel()


def check_levels(
    network: DenoiserNetwork,
    *,
    known: tuple[Tensor, Tensor],
    unseen: tuple[Tensor, Tensor],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> list[Checked]:
    """Errors on `unseen` sources of a network, and of the filter that the `known` ones make, at `LEVELS`.

    Both are sources [n, T] and the indices of their `classes` [n], on the network's device.
    """
    network.eval()
    told, points = network.shape.classes, network.shape.image is not None
    names = list(classes) if told else ["+".join(classes)]
    checked = []
    for index, name in enumerate(names):
        powers = spectrum_of(by_class(known, told=told)[index], points=points)
        sources = by_class(unseen, told=told)[index]
        for level in LEVELS:
            sigma = level * float(network.deviations[index])
            linear = filter_error(powers, sigma, points=points)
            checked.append(
                Checked(name, level, sigma, network_error(network, sources, index, sigma, rng), linear)
            )
    return checked
