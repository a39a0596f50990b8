"""Channels are shared out whole, block by block as at once, and nothing beyond the model's band is lost."""

import pytest
import torch
from torch import Tensor

from lass.separation.estimation.sharing import Sharing

RATE = 4000


def shared(
    channels: Tensor, sources: Tensor, *, size: int, highest: float = 1000.0, block: int = 0
) -> Tensor:
    sharing = Sharing(RATE, highest)
    sharing.block = block or sharing.block
    parts = []
    for one, many in zip(channels.split(size, dim=1), sources.split(size, dim=1), strict=True):
        parts += list(sharing.hear(one, many))
    return torch.cat([*parts, *sharing.end()], dim=2)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [1, 255, 257, 20_000])
def test_sources_add_up_to_every_channel(samples: int) -> None:
    channels, sources = noise(2, samples), noise(3, samples, seed=1)
    parts = shared(channels, sources, size=4096)
    assert parts.shape == (3, 2, samples)
    torch.testing.assert_close(parts.sum(dim=0), channels, atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [100, 8192, 9001])
def test_blocks_leave_no_trace(size: int) -> None:
    channels, sources = noise(2, 30_000), noise(2, 30_000, seed=1)
    torch.testing.assert_close(
        shared(channels, sources, size=size),
        shared(channels, sources, size=30_000, block=1 << 20),
        atol=1e-5,
        rtol=0,
    )


def test_estimates_that_add_up_stay_as_they_are() -> None:
    sources = noise(2, 10_000)
    parts = shared(sources.sum(dim=0, keepdim=True), sources, size=10_000)
    torch.testing.assert_close(parts[:, 0], sources, atol=1e-5, rtol=0)


def test_what_the_model_does_not_hear_goes_to_the_source_that_is_loud_below() -> None:
    """A hiss above the band, while one source sounds in the upper part of the band and the other does not."""
    time = torch.arange(16_000) / RATE
    low, high = torch.sin(2 * torch.pi * 700 * time), torch.sin(2 * torch.pi * 1700 * time)
    sources = torch.stack([low, torch.zeros_like(low)])
    parts = shared((low + high)[None], sources, size=16_000)
    middle = slice(2000, 14_000)
    torch.testing.assert_close(parts[0, 0, middle], (low + high)[middle], atol=1e-3, rtol=0)
    assert parts[1, 0, middle].abs().max() < 1e-3


def test_silence_is_shared_alike_and_nothing_comes_of_nothing() -> None:
    parts = shared(torch.ones(1, 5000), torch.zeros(2, 5000), size=5000)
    torch.testing.assert_close(parts[0], parts[1])
    assert not list(Sharing(RATE, 1000.0).end())
