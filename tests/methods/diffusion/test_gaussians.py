"""Gaussian sources, whose expectation given a mixture is Wiener's filter and whose posterior is known."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.methods.diffusion.oracles import decibels, draw_gaussians
from tests.methods.diffusion.runs import estimate

WEIGHTS = [[1.0, 1.0], [1.0, 1.0, 1.0], [0.25, 0.25, 0.25, 0.25], [0.7, 0.3]]


def distance(weights: list[float], **solver: Any) -> float:
    """How far a solver is from Wiener's filter, in dB of the estimates."""
    oracle = draw_gaussians(weights=weights)
    _, mixtures = oracle.draw(np.random.default_rng(0), 8)
    found = estimate(oracle.priors, mixtures, weights=oracle.weights, **solver)
    return -decibels(oracle.wiener(mixtures), found)


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
def test_proximal_steps_reach_wieners_filter(weights: list[float]) -> None:
    assert distance(weights, kind="proximal", steps=50) < -60
    assert distance(weights, kind="proximal", steps=20, eta=1) < -60
    assert distance(weights, kind="proximal", steps=50, noise="independent") > -30  # the noise stays in
    assert distance(weights, kind="proximal", steps=50, share="equal") > -60


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("guidance", ["exact", "spectral"])
def test_the_flow_from_the_mixture_reaches_wieners_filter(weights: list[float], guidance: str) -> None:
    solver: dict[str, Any] = {
        "kind": "ode",
        "guidance": guidance,
        "integrator": "heun",
        "steps": 20,
        "highest": 30,
    }
    assert distance(weights, **solver, products=10) < -30
    assert distance(weights, **solver, products=10, start="noise", noise="independent") > -12


@pytest.mark.parametrize("weights", WEIGHTS[:2], ids=str)
def test_one_product_comes_near(weights: list[float]) -> None:
    assert -20 < distance(weights, kind="ode", guidance="pigdm", steps=50) < -13


@pytest.mark.slow
@pytest.mark.parametrize("weights", [WEIGHTS[0], WEIGHTS[1], WEIGHTS[3]], ids=str)
def test_the_flow_with_churn_samples_the_posterior(weights: list[float]) -> None:
    oracle, runs = draw_gaussians(weights=weights, size=64), 64
    truth, mixtures = oracle.draw(np.random.default_rng(0), 8)
    found = estimate(
        oracle.priors,
        mixtures.repeat_interleave(runs, dim=0),
        weights=oracle.weights,
        kind="ode",
        guidance="exact",
        integrator="heun",
        steps=100,
        churn=20,
        start="noise",
        noise="independent",
    ).unflatten(0, (len(mixtures), runs))
    of_mean = (truth - found.mean(dim=1)).square().sum() - found.var(dim=1).sum() / runs  # of endless runs
    of_wiener = (truth - oracle.wiener(mixtures)).square().sum()
    assert abs(10 * float((of_mean / of_wiener).log10())) < 0.15
    assert float(found.var(dim=1).mean() / oracle.posterior.mean()) == pytest.approx(1, abs=0.1)
    assert decibels(truth[:, None].expand_as(found), found) < decibels(truth, found.mean(dim=1)) - 2


def test_one_constrained_source_leads_to_the_ratio_of_amplitudes() -> None:
    """Without noise, the flow on the plane of equal sums is no sampler: it has a closed form of its own."""
    oracle = draw_gaussians(weights=[1.0, 1.0])
    _, mixtures = oracle.draw(np.random.default_rng(0), 4)
    amplitudes = oracle.variances.sqrt()
    expected = amplitudes / amplitudes.sum(dim=0) * mixtures[:, None]
    flow: dict[str, Any] = {
        "kind": "ode",
        "integrator": "heun",
        "steps": 200,
        "highest": 1000,
        "lowest": 1e-3,
    }
    for settings in (
        {"guidance": "dirac", "noise": "independent"},
        {"guidance": "dirac", "noise": "independent", "constrained": 0},
        {"guidance": "symmetric", "noise": "independent"},
    ):
        found = estimate(oracle.priors, mixtures, **flow, **settings)
        assert -decibels(expected, found) < -30, settings
        torch.testing.assert_close(found.sum(dim=1), mixtures)


def test_a_scalar_that_was_worked_out() -> None:
    """V = (0.04, 0.0025), y = 0.3: 0.3 * 0.2 / (0.2 + 0.05) is 0.24, Wiener's filter gives 0.2824."""
    oracle = draw_gaussians(weights=[1.0, 1.0], size=1)
    oracle.variances.copy_(torch.tensor([[0.04], [0.0025]]))
    mixture = torch.tensor([[0.3]]).double()
    levels: dict[str, Any] = {"steps": 200, "highest": 500, "lowest": 1e-3}
    dirac = estimate(oracle.priors, mixture, kind="ode", guidance="dirac", integrator="heun", **levels)
    exact = estimate(oracle.priors, mixture, kind="ode", guidance="exact", integrator="heun", **levels)
    assert float(dirac[0, 0, 0]) == pytest.approx(0.24, abs=1e-3)
    assert float(exact[0, 0, 0]) == pytest.approx(0.3 * 0.04 / 0.0425, abs=1e-3)


def test_a_soft_constraint_misses_the_mixture_and_samples_with_churn() -> None:
    oracle, runs = draw_gaussians(weights=[1.0, 1.0], size=64), 64
    truth, mixtures = oracle.draw(np.random.default_rng(0), 2)
    solver: dict[str, Any] = {
        "kind": "ode",
        "guidance": "gaussian",
        "start": "noise",
        "noise": "independent",
        "steps": 60,
    }
    many = mixtures.repeat_interleave(runs, dim=0)
    plain = estimate(oracle.priors, many, **solver)
    churned = estimate(oracle.priors, many, **solver, churn=20, resamples=2)
    repeated = truth.repeat_interleave(runs, dim=0)
    assert decibels(repeated, plain) < decibels(repeated, churned) - 0.5
    mean = churned.unflatten(0, (len(mixtures), runs)).mean(dim=1)
    assert abs(decibels(truth, mean) - decibels(truth, oracle.wiener(mixtures))) < 1
    assert float((churned.sum(dim=1) - many).abs().max()) > 1e-4
