"""Statistics of blocks of latents: the divergence and its parts, covariances, the memory."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.blocks import (
    covariance_penalty,
    delayed,
    dependence,
    divergence,
    remember,
    segments,
    split_divergence,
    stacked,
    total_covariance,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian_divergence(mean: np.ndarray, covariance: np.ndarray, prior: np.ndarray) -> float:
    """KL(Normal(mean, covariance) || Normal(0, diag prior)) by dense matrices."""
    inverse = np.diag(1 / prior)
    sizes = np.trace(inverse @ covariance) + mean @ inverse @ mean - len(mean)
    return float(0.5 * (sizes + np.log(prior).sum() - np.linalg.slogdet(covariance)[1]))


def test_the_dependence_of_two_channels() -> None:
    """Of correlation rho: -1/2 ln(1 - rho^2)."""
    covariances = torch.tensor([[[1.0, 0.6], [0.6, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [[4.0, 1.2], [1.2, 1.0]]])
    found = dependence(covariances, blocks=2)
    assert found.tolist() == pytest.approx([0.22314, 0.0, 0.22314], abs=1e-5)


def test_maps_within_blocks_change_no_dependence() -> None:
    factor = random(6, 6)
    covariance = factor @ factor.T + torch.eye(6, dtype=torch.float64)
    inner = torch.block_diag(random(3, 3, seed=1), random(3, 3, seed=2))
    before = dependence(covariance[None], blocks=2)
    torch.testing.assert_close(dependence((inner @ covariance @ inner.T)[None], blocks=2), before)
    assert float(before) > 0.01
    outer = covariance.clone()
    outer[:3, 3:] = outer[3:, :3] = 0
    torch.testing.assert_close(dependence(outer[None], blocks=2), torch.zeros(1, dtype=torch.float64))


def test_the_gradient_at_latents_that_repeat_each_other() -> None:
    """Their covariance is singular, but for the ridge."""
    one = random(1, 2, 40).float()
    latents = torch.cat([one, one], dim=1).requires_grad_()
    covariances = total_covariance(latents, torch.zeros_like(latents))
    dependence(covariances, blocks=2).sum().backward()
    assert latents.grad is not None
    assert torch.isfinite(latents.grad).all()


def test_the_covariance_counts_the_noise_of_the_posterior() -> None:
    """By hand: means (-1, 1) have variance 1, noise 0.5 and 1.5 adds 1; a channel of zeros has its noise."""
    means = torch.tensor([[[-1.0, 1.0], [0.0, 0.0]]])
    variances = torch.tensor([[[0.5, 1.5], [0.25, 0.25]]])
    expected = torch.tensor([[[2.0, 0.0], [0.0, 0.25]]])
    torch.testing.assert_close(total_covariance(means, variances, ridge=0.0), expected)
    ridge = 1e-4 * 2.25 / 2 * torch.eye(2)
    torch.testing.assert_close(total_covariance(means, variances), expected + ridge)


def test_the_penalty_by_hand() -> None:
    """Two blocks of two: 0.5 and 0.1 between them, twice each; variances 1, 2, 1, 0.5; 0.9 within is free."""
    covariance = torch.diag(torch.tensor([1.0, 2.0, 1.0, 0.5]))
    for row, column, value in ((0, 1, 0.9), (0, 2, 0.5), (1, 3, 0.1)):
        covariance[row, column] = covariance[column, row] = value
    expected = (2 * 0.5**2 + 2 * 0.1**2 + 1.0**2 + 0.5**2) / 16
    assert float(covariance_penalty(covariance[None], blocks=2)) == pytest.approx(expected)


def test_the_divergence_of_one_number() -> None:
    """KL(Normal(1, 2) || Normal(0, 4)) = 1/2 (2/4 + 1/4 - 1 + ln 2); none from itself."""
    found = divergence(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 3.0]), torch.tensor([4.0, 3.0]))
    assert found.tolist() == pytest.approx([0.5 * (0.75 - 1 + math.log(2)), 0.0], abs=1e-6)


@pytest.mark.parametrize("blocks", [2, 3])
def test_the_parts_add_up_to_the_whole(blocks: int) -> None:
    """The whole is summed number by number, the parts are computed with dense matrices."""
    means, variances = random(6, 50, seed=blocks), random(6, 50, seed=9).exp()
    means[3:] += 0.8 * means[:3]  # blocks that depend on each other
    priors = torch.tensor([0.5, 1.0, 2.0, 1.0, 3.0, 0.7], dtype=torch.float64)
    whole = sum(
        float(divergence(means[channel, frame], variances[channel, frame], priors[channel]))
        for channel in range(6)
        for frame in range(50)
    )
    split = split_divergence(means, variances, priors, blocks=blocks)
    assert sum(map(float, vars(split).values())) == pytest.approx(whole / 50)

    held, noise = means.numpy(), variances.numpy()
    total = np.cov(held, bias=True) + np.diag(noise.mean(axis=1))
    size = 6 // blocks
    own = [slice(n * size, (n + 1) * size) for n in range(blocks)]
    statistics = sum(
        gaussian_divergence(held[part].mean(axis=1), total[part, part], priors.numpy()[part]) for part in own
    )
    assert float(split.statistics) == pytest.approx(statistics)
    between = sum(np.linalg.slogdet(total[part, part])[1] for part in own) - np.linalg.slogdet(total)[1]
    assert float(split.dependence) == pytest.approx(0.5 * between)


def test_the_parts_of_a_linear_gaussian_model() -> None:
    """Latents (y, -y) and noise 0.25 each of y of variance 1: information and dependence in closed form."""
    y = random(1, 400_000)
    y = (y - y.mean()) / y.std(correction=0)
    means, variances = torch.cat([y, -y]), torch.full((2, y.shape[1]), 0.25, dtype=torch.float64)
    split = split_divergence(means, variances, torch.ones(2, dtype=torch.float64), blocks=2)
    assert float(split.information) == pytest.approx(0.5 * math.log((1.25**2 - 1) / 0.25**2))
    assert float(split.dependence) == pytest.approx(-0.5 * math.log(1 - (1 / 1.25) ** 2))
    assert float(split.statistics) == pytest.approx(2 * 0.5 * (1.25 - 1 - math.log(1.25)))


def test_segments_hold_the_frames_of_all_examples() -> None:
    latents = torch.arange(2 * 1 * 7.0).reshape(2, 1, 7)
    assert segments(latents, 3).tolist() == [[[0, 1, 2, 7, 8, 9]], [[3, 4, 5, 10, 11, 12]]]
    assert segments(latents, 99).tolist() == [[[*range(14)]]]


def test_lags_stand_in_the_block_of_their_source() -> None:
    latents = torch.tensor([[[1.0, 2, 3], [10, 20, 30]]])  # two blocks of one channel
    assert stacked(latents, 2, blocks=2).tolist() == [[[2, 3], [1, 2], [20, 30], [10, 20]]]
    assert torch.equal(stacked(latents, 1, blocks=2), latents)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_the_memory_is_its_recursion(length: int) -> None:
    values, frames = random(2, 3, length), 10.0
    keep, state, weight, expected = math.exp(-1 / frames), torch.zeros(2, 3, dtype=torch.float64), 0.0, []
    for frame in range(length):
        state = keep * state + (1 - keep) * values[..., frame]
        weight = keep * weight + 1 - keep
        expected.append(state / weight)
    torch.testing.assert_close(remember(values, frames=frames), torch.stack(expected, dim=-1))


def test_the_memory_of_what_stays_the_same() -> None:
    held = remember(torch.full((1, 300), 3.0), frames=20.0)
    torch.testing.assert_close(held, torch.full((1, 300), 3.0))
    noise = random(1, 20_000)
    assert float(remember(noise.square(), frames=2_000.0)[0, -1]) == pytest.approx(1.0, abs=0.1)


def test_the_memory_knows_nothing_of_the_future() -> None:
    values = random(1, 150)
    changed = values.clone()
    changed[0, 100] += 5.0
    before, after = (delayed(remember(part, frames=8.0)) for part in (values, changed))
    assert before.shape == values.shape
    assert torch.equal(before[:, :101], after[:, :101])
    assert float(before[0, 101]) != float(after[0, 101])
    assert float(before[0, 0]) == 0


def test_blocks_are_found_by_their_independence() -> None:
    """Two sources of two channels, mixed a little: the map of least dependence parts them (by 40 dB)."""
    mixing = torch.eye(4).double() + 0.2 * random(4, 4)
    within = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).double()
    factors = within * random(30, 4, 4, seed=1)
    covariances = mixing @ (factors @ factors.mT + 0.05 * torch.eye(4).double()) @ mixing.T
    found = torch.eye(4).double().requires_grad_()
    optimizer = torch.optim.Adam([found], lr=0.02)
    for _ in range(80):
        loss = dependence(found @ covariances @ found.T, blocks=2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert parted(mixing) < 10
    assert parted(found.detach() @ mixing) > 1e4


def parted(whole: Tensor) -> float:
    """Power of a map [4, 4] within its two blocks, over that outside them."""
    inner = float(whole[:2, :2].square().sum() + whole[2:, 2:].square().sum())
    return inner / (float(whole.square().sum()) - inner)
