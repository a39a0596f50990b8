"""Masks of tones: what the estimates sound like counts, not where they err."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.estimation.masks import average_with_masked, mask_mixture, template_shares
from lass.separation.settings import Mask

HALVES = torch.tensor([0.5, 0.5])
SAMPLES = 4096
INSIDE = slice(64, -64)  # the ends are reflected, which is no sine


def tone(cycles: float) -> Tensor:
    """A sine of `cycles` per 64 samples."""
    return torch.sin(2 * math.pi * cycles / 64 * torch.arange(SAMPLES))


def error(found: Tensor, sources: Tensor) -> float:
    return float((found - sources)[..., INSIDE].square().sum() / sources[..., INSIDE].square().sum())


def test_phases_and_levels_are_those_of_the_mixture() -> None:
    alpha = torch.tensor([0.2, 0.5, 0.3])
    sources = torch.stack([tone(4), 0.5 * tone(20), 0.8 * tone(12)])
    mixture = (alpha[:, None] * sources).sum(dim=0)
    wrong = torch.stack([-0.5 * sources[0], 2 * sources[1], sources[2].flip(0)])
    found = mask_mixture(wrong, mixture, weights=alpha, mask=Mask(window=128, templates=1, rounds=1))
    torch.testing.assert_close((alpha[:, None] * found).sum(dim=0), mixture, atol=1e-5, rtol=0)
    assert error(wrong, sources) > 1
    assert error(found, sources) < 1e-3


def test_what_is_common_mends_what_is_not() -> None:
    """For a tenth of the time the estimates have changed places: one template each has room for one tone."""
    sources = torch.stack([tone(4), tone(20)])
    mixture = sources.mean(dim=0)
    estimates = sources.clone()
    estimates[:, 1000:1400] = sources.flip(0)[:, 1000:1400]
    found = mask_mixture(estimates, mixture, weights=HALVES, mask=Mask(window=128, templates=1, rounds=1))
    assert error(estimates, sources) > 0.15
    assert error(found, sources) < 0.02
    mean = average_with_masked(
        estimates, mixture, weights=HALVES, mask=Mask(window=128, templates=1, rounds=1)
    )
    torch.testing.assert_close(mean, (estimates + found) / 2)


def test_every_round_makes_masks_by_the_result_so_far() -> None:
    mixture = tone(4) + tone(5) + tone(20)
    estimates = torch.stack([tone(4) + 0.5 * tone(5), tone(20) + tone(5)])
    once = average_with_masked(
        estimates, mixture, weights=HALVES, mask=Mask(window=128, templates=1, rounds=1)
    )
    again = mask_mixture(once, mixture, weights=HALVES, mask=Mask(window=128, templates=1, rounds=1))
    twice = average_with_masked(
        estimates, mixture, weights=HALVES, mask=Mask(window=128, templates=1, rounds=2)
    )
    torch.testing.assert_close(twice, (estimates + again) / 2)
    assert not torch.allclose(once, twice, atol=1e-3)


def test_the_share_of_what_is_masked() -> None:
    mixture = tone(4) + tone(5) + tone(20)
    estimates = torch.stack([tone(4) + 0.5 * tone(5), tone(20) + tone(5)])
    mask = Mask(window=128, templates=1, rounds=1, share=0.75)
    masked = mask_mixture(estimates, mixture, weights=HALVES, mask=mask)
    found = average_with_masked(estimates, mixture, weights=HALVES, mask=mask)
    torch.testing.assert_close(found, 0.25 * estimates + 0.75 * masked)


def test_shares_by_hand() -> None:
    """Each source has one spectrum: what overlaps is shared by the square of how loud each is there."""
    spectra = np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]])  # [N, F]
    active = np.array([[1.0, 2.0, 1.0, 3.0], [2.0, 1.0, 4.0, 1.0]])  # [N, L]
    sources = spectra[:, :, None] * active[:, None]
    shares = template_shares(5 * sources[:, :, [0, 1, 1, 1]], sources.sum(axis=0), templates=1)
    np.testing.assert_allclose(shares, sources**2 / (sources**2).sum(axis=0), atol=0.02)


@pytest.mark.parametrize("level", [0.0, 0.01, 0.03], ids=["silent", "40 dB below", "30 dB below"])
def test_what_is_hardly_heard_is_not_made_loud(level: float) -> None:
    """Noise has templates that fit drum hits, too: masks by masks would let through more and more."""
    generator = torch.Generator().manual_seed(0)
    hits = torch.randn(8, 2000, generator=generator) * torch.exp(-torch.arange(2000) / 400)
    drums = hits.flatten()
    estimate = drums.clone()
    estimate[3000:5000] *= -0.3
    noise = level * drums.std() * torch.randn(len(drums), generator=generator)
    mask = Mask(window=1024, templates=6, rounds=2)
    found = average_with_masked(torch.stack([estimate, noise]), drums / 2, weights=HALVES, mask=mask)
    assert found[1].std() <= 1.1 * noise.std() + 1e-9
    assert float((found[0] - drums).square().sum()) < float((estimate - drums).square().sum()) / 2


def test_silent_estimates_share_alike() -> None:
    mixture = tone(4)
    shared = mask_mixture(
        torch.zeros(2, SAMPLES), mixture, weights=HALVES, mask=Mask(window=128, templates=2, rounds=1)
    )
    torch.testing.assert_close(shared, mixture.expand(2, -1), atol=1e-5, rtol=0)
    nothing = mask_mixture(
        torch.ones(2, 512), torch.zeros(512), weights=HALVES, mask=Mask(window=64, templates=3, rounds=1)
    )
    assert not nothing.any()


def test_a_window_longer_than_the_mixture_allows() -> None:
    with pytest.raises(ValueError, match="window 128: must be less than twice the 64 samples"):
        mask_mixture(
            torch.ones(2, 64), torch.ones(64), weights=HALVES, mask=Mask(window=128, templates=1, rounds=1)
        )
