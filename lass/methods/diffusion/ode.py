"""The guided probability flow from noise to addends, by steps of Euler or Heun (Karras et al. 2022)."""

import math
from itertools import pairwise

from torch import Tensor

from lass.methods.diffusion.denoising import Problem
from lass.methods.diffusion.guidance import admissible, slopes
from lass.methods.diffusion.noise import Noise
from lass.methods.diffusion.schedules import churned, falling
from lass.methods.diffusion_settings import Ode


def follow_flow(problem: Problem, settings: Ode, noise: Noise) -> Tensor:
    """Addends [B, N, T] of the mixtures of `problem`, whose levels are deviations."""
    levels = falling(settings)
    noisy = begin(problem, settings, noise, levels[0])
    for level, lower in pairwise(levels):
        for last in (*[False] * (settings.resamples - 1), True):
            noisy = step_down(problem, noisy, level, lower, settings=settings, noise=noise)
            if not last:
                noisy = noised(noisy, lower, level, settings=settings, noise=noise)
    return noisy


def begin(problem: Problem, settings: Ode, noise: Noise, level: float) -> Tensor:
    """Noisy addends [B, N, T] at the highest `level`."""
    mixtures, sources = problem.mixtures[:, None], problem.sources
    drawn = admissible(noise.of_kind(settings.noise, sources), settings)
    if settings.guidance in ("dirac", "symmetric"):
        return mixtures / sources + level * drawn
    return (mixtures if settings.start == "mixture" else 0 * mixtures) + level * drawn


def noised(noisy: Tensor, level: float, higher: float, *, settings: Ode, noise: Noise) -> Tensor:
    """Addends at `level` with the noise that takes them up to a `higher` one."""
    drawn = admissible(noise.draw(noisy.shape[1]), settings)
    return noisy + math.sqrt(higher**2 - level**2) * drawn


def step_down(
    problem: Problem, noisy: Tensor, level: float, lower: float, *, settings: Ode, noise: Noise
) -> Tensor:
    """Addends at a `lower` level; with churn, by way of a higher one."""
    if settings.churn:
        higher = churned(level, churn=settings.churn, steps=settings.steps)
        noisy, level = noised(noisy, level, higher, settings=settings, noise=noise), higher
    slope = slopes(problem, noisy, level, settings)
    moved = noisy + (lower - level) * slope
    if settings.integrator == "euler" or lower == 0:
        return moved
    return noisy + (lower - level) * (slope + slopes(problem, moved, lower, settings)) / 2
