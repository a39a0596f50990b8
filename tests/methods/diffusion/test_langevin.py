"""Annealed Langevin dynamics: where the steps at one level settle, and how near the mixture they end."""

import numpy as np
import pytest
import torch

from tests.methods.diffusion.oracles import Gaussians, decibels, draw_gaussians
from tests.methods.diffusion.runs import estimate

STEP, LEVEL = 0.3, 0.5


def settled(variances: np.ndarray, sigma: float, mixture: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variances of the chain of one coefficient: `u' = (1 - h A) u + h y + sqrt(2 h) sigma e`.

    `A` has the pull of the priors on its diagonal, and that of the mixture everywhere.
    """
    pull = np.diag(sigma**2 / (variances + sigma**2)) + 1.0
    kept = np.eye(len(variances)) - STEP * pull
    spread = np.zeros_like(pull)
    for _ in range(2000):
        spread = kept @ spread @ kept.T + 2 * STEP * sigma**2 * np.eye(len(variances))
    return np.linalg.solve(pull, np.full(len(variances), mixture)), np.diag(spread)


def test_the_steps_of_one_level_settle_where_algebra_says() -> None:
    variances, size, runs = np.array([1.0, 0.25, 0.5]), 16, 400
    oracle = Gaussians(torch.from_numpy(variances)[:, None].expand(-1, size), torch.ones(3).double())
    mixture = torch.full((1, size), 2.0).double()
    found = estimate(
        oracle.priors,
        mixture.expand(runs, -1),
        kind="langevin",
        levels=2,
        highest=1.001 * LEVEL,
        lowest=LEVEL,
        steps=100,
        step=STEP,
    )
    mean, spread = settled(variances, LEVEL, 2.0)  # the loudest source has deviation 1
    for source in range(3):
        values = found[:, source].flatten()
        error = (spread[source] / len(values)) ** 0.5
        assert float(values.mean()) == pytest.approx(mean[source], abs=5 * error)
        assert float(values.var()) == pytest.approx(spread[source], rel=0.1)


def test_annealed_samples_miss_the_mixture_by_the_last_level() -> None:
    """As published: ten levels; a sample of the posterior has about twice the error of its mean."""
    oracle = draw_gaussians(weights=[1.0, 1.0])
    truth, mixtures = oracle.draw(np.random.default_rng(0), 4)
    found = estimate(oracle.priors, mixtures, kind="langevin", highest=10.0, lowest=0.1)
    missed = mixtures - found.sum(dim=1)
    power = float((missed.square().sum() / mixtures.square().sum()).log10() * 10)
    assert -24 < power < -15
    best = decibels(truth, oracle.wiener(mixtures))
    assert best - 6 < decibels(truth, found) < best - 2
