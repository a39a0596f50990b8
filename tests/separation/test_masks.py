"""Masks of tones: what the estimates sound like counts, not where they err."""

import math

import pytest
import torch
from torch import Tensor

from lass.separation.masks import Mask, average_with_masked, mask_mixture

HALVES = torch.tensor([0.5, 0.5])
SAMPLES = 4096
INSIDE = slice(64, -64)  # the ends are reflected, which is no sine


def tone(cycles: float) -> Tensor:
    """A sine of `cycles` per 64 samples."""
    return torch.sin(2 * math.pi * cycles / 64 * torch.arange(SAMPLES))


def error(found: Tensor, sources: Tensor) -> float:
    return float((found - sources)[:, INSIDE].square().sum() / sources[:, INSIDE].square().sum())


def test_phases_and_levels_are_those_of_the_mixture() -> None:
    alpha = torch.tensor([0.2, 0.5, 0.3])
    sources = torch.stack([tone(4), 0.5 * tone(20), 0.8 * tone(12)])
    mixture = (alpha[:, None] * sources).sum(dim=0)
    wrong = torch.stack([-0.5 * sources[0], 2 * sources[1], sources[2].flip(0)])
    found = mask_mixture(wrong, mixture, weights=alpha, window=128, templates=1)
    torch.testing.assert_close((alpha[:, None] * found).sum(dim=0), mixture, atol=1e-5, rtol=0)
    assert error(wrong, sources) > 1
    assert error(found, sources) < 1e-3


def test_what_is_common_mends_what_is_not() -> None:
    """For a tenth of the time the estimates have changed places: one template each has room for one tone."""
    sources = torch.stack([tone(4), tone(20)])
    mixture = sources.mean(dim=0)
    estimates = sources.clone()
    estimates[:, 1000:1400] = sources.flip(0)[:, 1000:1400]
    found = mask_mixture(estimates, mixture, weights=HALVES, window=128, templates=1)
    assert error(estimates, sources) > 0.15
    assert error(found, sources) < 0.02
    mean = average_with_masked(estimates, mixture, weights=HALVES, mask=Mask(128, 1, rounds=1))
    torch.testing.assert_close(mean, (estimates + found) / 2)
    again = mask_mixture(mean, mixture, weights=HALVES, window=128, templates=1)
    twice = average_with_masked(estimates, mixture, weights=HALVES, mask=Mask(128, 1, rounds=2))
    torch.testing.assert_close(twice, (estimates + again) / 2)


def test_silent_estimates_share_alike() -> None:
    mixture = tone(4)
    silent = mask_mixture(torch.zeros(2, SAMPLES), mixture, weights=HALVES, window=128, templates=2)
    torch.testing.assert_close(silent, mixture.expand(2, -1), atol=1e-4, rtol=0)


def test_silence_stays_silent() -> None:
    assert not mask_mixture(
        torch.zeros(2, 512), torch.zeros(512), weights=HALVES, window=64, templates=3
    ).any()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((2, 1, 1), "window 2: give a multiple of 4"),
        ((130, 1, 1), "window 130: give a multiple of 4"),
        ((64, 0, 1), "templates 0 and rounds 1 must be at least 1"),
        ((64, 1, 0), "templates 1 and rounds 0 must be at least 1"),
    ],
)
def test_sizes_that_mean_nothing(sizes: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mask(*sizes)


def test_a_window_longer_than_the_mixture_allows() -> None:
    with pytest.raises(ValueError, match="window 128: must be less than twice the 64 samples"):
        mask_mixture(torch.ones(2, 64), torch.ones(64), weights=HALVES, window=128, templates=1)
