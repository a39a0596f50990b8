"""From mixtures to estimates: the scale of a solver, its runs, their mean, and what makes them add up."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lass.methods.diffusion.ancestral import descend
from lass.methods.diffusion.denoising import Priors, Problem, open_problem
from lass.methods.diffusion.langevin import anneal
from lass.methods.diffusion.noise import Noise
from lass.methods.diffusion.ode import follow_flow
from lass.methods.diffusion.proximal import approach
from lass.methods.diffusion_settings import Ancestral, DiffusionMethod, Langevin, Ode, Proximal
from lass.separation.estimation.consistency import project

SILENCE = 1e-12  # a peak that is none: silence is not scaled up


def separate(
    priors: Priors,
    mixtures: Tensor,
    *,
    weights: Tensor,
    method: DiffusionMethod,
    generators: Sequence[np.random.Generator],
    bounds: tuple[float, float] | None = None,
) -> Tensor:
    """Estimates [B, N, T] of the sources x_n of `mixtures` y [B, T]; `weights` are alpha [B, N].

    With `method.consistency`, they add up to the mixture within `bounds` of every number.
    Every mixture draws from its own one of `generators`, so that its estimates do not depend on what it is
    separated with. ValueError for shapes that do not go together, and for weights that are not positive.
    """
    problem = open_problem(priors, mixtures, weights)
    noise = Noise(generators, problem.mixtures)
    if not len(mixtures):
        return mixtures.new_empty(0, problem.sources, mixtures.shape[1])
    with torch.no_grad():
        addends = torch.stack([solve(problem, method.solver, noise) for _ in range(method.runs)]).mean(dim=0)
        estimates = addends / problem.gains[:, :, None]
        if method.consistency is None:
            return estimates
        low, high = bounds or (-torch.inf, torch.inf)
        return torch.stack(
            [
                project(found, mixture, weights=alpha, low=low, high=high)
                for found, mixture, alpha in zip(estimates, problem.mixtures, problem.gains, strict=True)
            ]
        )


def solve(problem: Problem, solver: Ode | Ancestral | Proximal | Langevin, noise: Noise) -> Tensor:
    """Addends [B, N, T] by one run of `solver`, which sees the mixtures in the scale that it asks for."""
    if isinstance(solver, Ancestral):
        peaks = problem.mixtures.abs().amax(dim=1)
        factors = torch.where(peaks > SILENCE, solver.peak / peaks.clamp(min=SILENCE), 1.0)
    else:
        factors = 1 / problem.deviations.amax(dim=1)
    scaled = problem.scaled(factors)
    match solver:
        case Ode():
            addends = follow_flow(scaled, solver, noise)
        case Proximal():
            addends = approach(scaled, solver, noise)
        case Langevin():
            addends = anneal(scaled, solver, noise)
        case Ancestral():
            addends = descend(scaled, solver, noise)
    return addends / factors[:, None, None]
