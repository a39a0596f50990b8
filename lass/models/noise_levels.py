"""What a denoiser has learnt, level by level of noise, beside the best linear filter of its data.

The filter knows the mean power of a class in the basis in which it is one number for each coefficient:
frequencies of sounds, principal components of images. It is made of the training sources, and tried on the
same unseen ones as the network. A network whose error is not below that of the filter has learnt less.

Solvers do not always keep to the level that they tell a network. How loud its sources become with only a
share of the noise that it is told says which solvers it will serve.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lass.models.diffusion import DenoiserNetwork, by_class, mean_powers

LEVELS = tuple(2.0**octave for octave in range(-7, 5))
"""Levels of noise at which denoisers are checked, relative to the deviation of the data."""
LARGEST = 1024  # numbers of images whose principal components are taken; of larger ones, the points
AT_ONCE = 64  # sources that are denoised together
REMAINING = 0.4
"""Share of the noise that is told, by which loudness is checked."""


class Tried(NamedTuple):
    """What a network or filter made of noisy sources.

    `loudness` is that with `REMAINING` of the noise, relative to the sources, in dB; NaN where these are
    silent.
    """

    error: float  # mean squared
    loudness: float


@dataclass(frozen=True)
class Checked:
    """What was made of the sources of one class at one level of noise."""

    source: str  # the class; of a network that is not told classes, all of them
    level: float  # relative to the deviation of the data
    sigma: float  # of the noise, in the numbers of the data
    network: Tried
    filter: Tried

    @property
    def gain(self) -> float:
        """By how much the network's error is below that of the filter, in dB."""
        return decibels(self.filter.error, self.network.error)

    @property
    def row(self) -> dict[str, str | float]:
        """The row of a table."""
        return {
            "source": self.source,
            "level": self.level,
            "sigma": self.sigma,
            "network": self.network.error,
            "filter": self.filter.error,
            "gain": self.gain,
            "loudness": self.network.loudness,
            "filter_loudness": self.filter.loudness,
        }


def spectra_of(known: Tensor, unseen: Tensor, *, points: bool) -> tuple[Tensor, Tensor]:
    """Mean power [F] of `known` and of `unseen` sources [n, T]: by frequency, or by component.

    Images (`points`) have the principal components of the known ones; beyond `LARGEST` numbers, their points.
    """
    if not points or known.shape[1] > LARGEST:
        return mean_powers(known, points=points), mean_powers(unseen, points=points)
    moments = known.double().T @ known.double() / len(known)
    powers, components = torch.linalg.eigh(moments)
    held = (unseen.double() @ components).square().mean(dim=0)
    return powers.clamp(min=0).float(), held.float()


def decibels(power: float, reference: float) -> float:
    """By how much a power is above a `reference`; NaN where one of them is 0."""
    return 10 * math.log10(power / reference) if power and reference else math.nan


def try_filter(powers: Tensor, held: Tensor, sigma: float, *, points: bool) -> Tried:
    """What a linear filter makes of sources of the mean power `held` [F] at a level of noise.

    It is the best one for sources of mean `powers` [F]: of each power it loses `(1 - g)²`, and lets through
    `g²` of it and of the noise, with `g = P / (sigma² + P)`.
    """
    gains = powers / (sigma**2 + powers)
    numbers = torch.ones_like(gains)
    if not points:
        numbers[1:-1] = 2  # frequencies that stand for two

    def mean(values: Tensor) -> float:
        return float((numbers * values).sum() / numbers.sum())

    remaining = REMAINING * sigma
    return Tried(
        mean((1 - gains) ** 2 * held + gains**2 * sigma**2),
        decibels(mean(gains**2 * (held + remaining**2)), mean(held)),
    )


@torch.no_grad()
def try_network(
    network: DenoiserNetwork, sources: Tensor, index: int, sigma: float, rng: np.random.Generator
) -> Tried:
    """What `network`, told `sigma`, makes of noisy `sources` [n, T] of class `index`."""
    error = power = 0.0
    for part in sources.split(AT_ONCE):
        noise = sigma * torch.from_numpy(rng.standard_normal(part.shape)).to(part)
        told = part.new_full((len(part),), sigma), torch.full((len(part),), index, device=part.device)
        error += float((network(part + noise, *told) - part).square().sum())
        power += float(network(part + REMAINING * noise, *told).square().sum())
    return Tried(error / sources.numel(), decibels(power, float(sources.square().sum())))


def check_levels(
    network: DenoiserNetwork,
    *,
    known: tuple[Tensor, Tensor],
    unseen: tuple[Tensor, Tensor],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> list[Checked]:
    """What a network makes of `unseen` sources at `LEVELS`, and the filter that the `known` ones make.

    Both are sources [n, T] and the indices of their `classes` [n], on the network's device.
    """
    network.eval()
    told, points = network.shape.classes, network.shape.image is not None
    names = list(classes) if told else ["+".join(classes)]
    checked = []
    for index, name in enumerate(names):
        sources = by_class(unseen, told=told)[index]
        powers, held = spectra_of(by_class(known, told=told)[index], sources, points=points)
        for level in LEVELS:
            sigma = level * float(network.deviations[index])
            linear = try_filter(powers, held, sigma, points=points)
            checked.append(
                Checked(name, level, sigma, try_network(network, sources, index, sigma, rng), linear)
            )
    return checked
