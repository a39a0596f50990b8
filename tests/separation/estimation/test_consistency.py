"""The projection onto the mixture: nearest, inside its bounds, and the sum is kept wherever it can be."""

import math

import numpy as np
import pytest
import scipy.fft
import torch
from scipy.optimize import minimize
from torch import Tensor

from lass.separation.estimation.consistency import average_and_share, cosines, project, share_residual

HALVES = torch.tensor([0.5, 0.5])


def draw(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.25, 0.75], [0.2, 0.3, 0.5]])
def test_never_leaves_the_bounds_nor_changes_a_feasible_sum(weights: list[float]) -> None:
    alpha = torch.tensor(weights)
    estimates = 3 * draw(1, 5, len(weights), 400) - 1
    mixtures = draw(2, 5, 400)  # in [0, 1], so always feasible for weights that add up to 1
    found = project(estimates, mixtures, weights=alpha)
    assert found.min() >= 0
    assert found.max() <= 1
    torch.testing.assert_close((alpha[:, None] * found).sum(dim=1), mixtures, atol=1e-6, rtol=0)


def test_by_hand() -> None:
    mixture = torch.tensor([0.5, 0.5, 0.9, 0.1])
    estimates = torch.tensor([[0.6, 1.0, 1.0, 0.3], [0.2, 0.0, 0.4, -0.3]])
    found = project(estimates, mixture, weights=HALVES)
    expected = torch.tensor([[0.7, 1.0, 1.0, 0.2], [0.3, 0.0, 0.8, 0.0]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_what_is_consistent_stays() -> None:
    sources = draw(3, 2, 300)
    found = project(sources, sources.mean(dim=0), weights=HALVES)
    torch.testing.assert_close(found, sources, atol=1e-6, rtol=0)


def test_it_is_the_nearest_point() -> None:
    rng = np.random.default_rng(5)
    alpha = np.array([0.2, 0.3, 0.5])
    for _ in range(20):
        estimate, mixture = rng.normal(0.5, 0.6, 3), rng.uniform(0.05, 0.95)
        best = minimize(
            lambda x, e=estimate: float(((x - e) ** 2).sum()),
            np.full(3, mixture),
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda x, y=mixture: alpha @ x - y},
            tol=1e-12,
        ).x
        found = project(
            torch.from_numpy(estimate)[:, None].float(),
            torch.tensor([mixture]).float(),
            weights=torch.from_numpy(alpha).float(),
        )
        np.testing.assert_allclose(found[:, 0], best, atol=2e-4)


def test_beyond_reach_all_go_to_the_nearer_bound() -> None:
    found = project(draw(6, 2, 2), torch.tensor([1.5, -0.5]), weights=HALVES)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))


def test_without_bounds() -> None:
    estimates, mixture = 5 * draw(7, 2, 50) - 2, draw(8, 50)
    found = project(estimates, mixture, weights=HALVES, low=-math.inf, high=math.inf)
    torch.testing.assert_close(found.mean(dim=0), mixture)
    moved = found - estimates
    torch.testing.assert_close(moved[0], moved[1])


# --- what the codec loses ---


def test_cosines_are_an_orthonormal_transform() -> None:
    basis = cosines(8)
    torch.testing.assert_close(basis @ basis.T, torch.eye(8, dtype=torch.float64))
    expected = scipy.fft.dct(np.eye(8), norm="ortho", axis=0)
    np.testing.assert_allclose(basis, expected, atol=1e-12)


def test_shares_are_posterior_means_of_gaussians() -> None:
    """Against the textbook's conditional mean of a joint Gaussian, frame by frame."""
    rng = np.random.default_rng(0)
    weights, frame, frames = np.array([0.7, 0.2, 0.4]), 4, 3
    decoded, mixture = rng.normal(size=(3, frames * frame)), rng.normal(size=frames * frame)
    variance = rng.random((3, frames, frame)) + 0.1
    found = share_residual(
        torch.from_numpy(decoded),
        torch.from_numpy(mixture),
        weights=torch.from_numpy(weights),
        variance=torch.from_numpy(variance),
    )
    basis = scipy.fft.dct(np.eye(frame), norm="ortho", axis=0)
    for s in range(frames):
        part = slice(s * frame, (s + 1) * frame)
        covariances = [basis.T @ np.diag(variance[n, s]) @ basis for n in range(3)]
        total = sum(weights[n] ** 2 * covariances[n] for n in range(3))
        missing = mixture[part] - weights @ decoded[:, part]
        for n in range(3):
            mean = decoded[n, part] + weights[n] * covariances[n] @ np.linalg.solve(total, missing)
            np.testing.assert_allclose(found[n, part], mean, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(weights @ found.numpy(), mixture, atol=1e-9)


def test_equal_variances_share_as_the_projection_does() -> None:
    decoded, mixture = torch.rand(2, 12), torch.rand(12)
    weights, variance = torch.tensor([0.3, 0.6]), torch.zeros(2, 3, 4)
    expected = project(decoded, mixture, weights=weights, low=-torch.inf, high=torch.inf)
    found = share_residual(decoded, mixture, weights=weights, variance=variance)
    torch.testing.assert_close(found, expected)


def test_a_mean_of_candidates_trusts_where_they_agree() -> None:
    """Two candidates of two sources: the first source is in doubt, and takes nearly all that is missing."""
    shares = torch.tensor([0.25, 0.75])
    estimates = torch.tensor([[[4.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])  # [M, N, T]
    variance = torch.full((2, 2, 1), 1e-6)  # frames of one sample
    made = average_and_share(
        estimates, torch.tensor([3.0, 2.0]), shares=shares, weights=torch.ones(2), variance=variance
    )
    # first sample: the means are 1 and 1, which leaves 1; variances 3 + 1e-6 and 1e-6
    torch.testing.assert_close(made[:, 0], torch.tensor([2.0, 1.0]), atol=1e-5, rtol=0)
    # second sample: both agree, so that the 1 that is missing is split by what the codec loses
    torch.testing.assert_close(made[:, 1], torch.tensor([0.5, 1.5]), atol=1e-5, rtol=0)


def test_a_mean_of_one_candidate_is_that_candidate_made_consistent() -> None:
    generator = torch.Generator().manual_seed(0)
    estimates, mixture = torch.randn(1, 2, 12, generator=generator), torch.randn(12, generator=generator)
    variance, weights = torch.rand(2, 3, 4, generator=generator), torch.tensor([0.3, 0.7])
    made = average_and_share(estimates, mixture, shares=torch.ones(1), weights=weights, variance=variance)
    alone = share_residual(estimates[0], mixture, weights=weights, variance=variance)
    torch.testing.assert_close(made, alone)
    torch.testing.assert_close((weights[:, None] * made).sum(dim=0), mixture)
