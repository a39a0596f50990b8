"""What any solver has to keep: order, scale, company, silence."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.solving import separate
from lass.methods.diffusion.spectra import Spectra
from lass.methods.diffusion_settings import DiffusionMethod
from tests.methods.diffusion.oracles import decibels, draw_gaussians, draw_templates, generators
from tests.methods.diffusion.runs import estimate

ODE: dict[str, Any] = {"kind": "ode", "steps": 12}
ANCESTRAL: dict[str, Any] = {"kind": "ancestral", "steps": 25}
SOLVERS: list[dict[str, Any]] = [
    *({**ODE, "guidance": name} for name in ("exact", "pigdm", "spectral", "dirac", "gaussian")),
    {**ODE, "guidance": "symmetric", "noise": "independent"},
    {**ODE, "guidance": "exact", "integrator": "heun", "churn": 5, "resamples": 2},
    *({**ANCESTRAL, "guidance": name} for name in ("dps", "dsg", "hybrid", "undiff", "none")),
    {"kind": "langevin", "levels": 3, "steps": 4},
    {"kind": "proximal", "steps": 12},
    {"kind": "proximal", "steps": 12, "share": "equal", "noise": "none"},
]
every_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: "-".join(map(str, s.values())))


def problem() -> tuple[Priors, Tensor]:
    oracle = draw_templates(sources=2, number=3, size=64)
    return oracle.priors, oracle.draw(np.random.default_rng(0), 3)[1]


@every_solver
def test_a_mixture_is_separated_alike_alone_and_among_others(solver: dict[str, Any]) -> None:
    priors, mixtures = problem()
    together = estimate(priors, mixtures, **solver)
    method = DiffusionMethod.model_validate({"solver": solver, "consistency": None})
    for row, mixture in enumerate(mixtures):
        alone = separate(
            priors,
            mixture[None],
            weights=torch.ones(1, 2).double(),
            method=method,
            generators=generators(3)[row : row + 1],
        )
        torch.testing.assert_close(alone[0], together[row])
    assert estimate(priors, mixtures[:0], **solver).shape == (0, 2, 64)


@every_solver
def test_weights_and_mixtures_scale_together(solver: dict[str, Any]) -> None:
    """`y = a x_1 + b x_2`: with both weights and the mixture doubled, the sources are the same."""
    priors, mixtures = problem()
    weights = torch.tensor([0.6, 0.4]).double()
    once = estimate(priors, mixtures, weights=weights, **solver)
    twice = estimate(priors, 2 * mixtures, weights=2 * weights, **solver)
    torch.testing.assert_close(once, twice)


@every_solver
def test_silence_is_silent(solver: dict[str, Any]) -> None:
    oracle = draw_gaussians(weights=[1.0, 1.0], size=64)
    found = estimate(oracle.priors, torch.zeros(2, 64).double(), **solver)
    assert found.isfinite().all()
    if solver.get("guidance") not in ("none", "dps", "dsg", "hybrid", "undiff", "gaussian"):
        assert float(found.sum(dim=1).abs().max()) < 0.1


SHARED: list[dict[str, Any]] = [
    *({**ODE, "guidance": name} for name in ("exact", "pigdm", "spectral", "gaussian")),
    *({**ODE, "guidance": "symmetric", "noise": "none"}, {"kind": "proximal", "steps": 12}),
]


@pytest.mark.parametrize("solver", SHARED, ids=str)
def test_sources_and_priors_may_change_places(solver: dict[str, Any]) -> None:
    """Of solvers that draw no noise of one source's own."""
    oracle = draw_templates(sources=2, number=3, size=64)
    other = replace(oracle, templates=oracle.templates.flip(0))
    _, mixtures = oracle.draw(np.random.default_rng(0), 3)
    found, exchanged = (estimate(one.priors, mixtures, **solver) for one in (oracle, other))
    torch.testing.assert_close(found, exchanged.flip(1))


@pytest.mark.parametrize("guidance", ["exact", "spectral", "dirac"])
def test_a_source_beside_a_silent_one_is_the_mixture(guidance: str) -> None:
    oracle = draw_gaussians(weights=[1.0, 1.0], size=64)
    oracle.variances[1] = 1e-16
    _, mixtures = oracle.draw(np.random.default_rng(0), 2)
    found = estimate(oracle.priors, mixtures, **ODE, guidance=guidance)
    assert decibels(mixtures[:, None], found[:, :1]) > 40


def test_consistent_estimates_add_up() -> None:
    priors, mixtures = problem()
    weights = torch.tensor([0.6, 0.4]).double()
    for solver in SOLVERS:
        found = estimate(priors, mixtures, weights=weights, consistency="equal", **solver)
        torch.testing.assert_close((weights[:, None] * found).sum(dim=1), mixtures)


def test_several_runs_are_averaged() -> None:
    priors, mixtures = problem()
    solver = {**ODE, "guidance": "exact", "noise": "independent"}
    noise = generators(3)
    method = DiffusionMethod.model_validate({"solver": solver, "consistency": None})
    singles = [
        separate(priors, mixtures, weights=torch.ones(3, 2).double(), method=method, generators=noise)
        for _ in range(4)
    ]
    mean = estimate(priors, mixtures, runs=4, **solver)
    torch.testing.assert_close(mean, torch.stack(singles).mean(dim=0))


def test_without_guidance_the_priors_are_sampled() -> None:
    oracle = draw_gaussians(weights=[10.0, 10.0], size=64)  # loud enough for the published levels
    oracle.variances.copy_(oracle.variances + 0.003)
    nothing = torch.zeros(200, 64).double()
    flow = {"start": "noise", "noise": "independent", "integrator": "heun", "steps": 40}
    for solver in (
        {"kind": "ode", "guidance": "none", **flow},
        {"kind": "ancestral", "guidance": "none", "clip": None},
    ):
        samples = estimate(oracle.priors, nothing, weights=oracle.weights, **solver)
        variances = samples.var(dim=0) / oracle.variances
        assert float(variances.mean()) == pytest.approx(1, abs=0.1), solver


def test_numbers_that_do_not_go_together() -> None:
    priors, mixtures = problem()
    method = DiffusionMethod.model_validate({"solver": ODE})

    def attempt(weights: Tensor, *, rows: int = 3, given: Priors = priors) -> None:
        separate(given, mixtures, weights=weights, method=method, generators=generators(rows))

    with pytest.raises(ValueError, match="weights of 3 sources, but priors of 2"):
        attempt(torch.ones(3, 3))
    with pytest.raises(ValueError, match="all must be above 0"):
        attempt(torch.tensor([[1.0, 0.0]]).expand(3, -1))
    with pytest.raises(ValueError, match=r"mixtures \[3, 64\] and weights \[2\]"):
        attempt(torch.ones(2))
    with pytest.raises(ValueError, match="2 generators for 3 mixtures"):
        attempt(torch.ones(3, 2), rows=2)
    with pytest.raises(ValueError, match="deviations of the sources"):
        replace(priors, deviations=torch.tensor([0.1, 0.0]))
    with pytest.raises(ValueError, match="constrained is 2, but there are 2 sources"):
        estimate(priors, mixtures, **ODE, guidance="dirac", constrained=2)
    with pytest.raises(ValueError, match="mean power of the classes is not known"):
        estimate(replace(priors, spectra=None), mixtures, **ODE, guidance="spectral")
    with pytest.raises(ValueError, match="powers of 9 numbers"):
        estimate(
            replace(priors, spectra=Spectra(torch.ones(2, 9), "points")), mixtures, kind="proximal", steps=3
        )
