"""The projection onto the mixture: nearest, inside its bounds, and the sum is kept wherever it can be."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from lass.separation.consistency import project

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
