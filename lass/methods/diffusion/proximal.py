"""Denoise, share out what is missing of the mixture, noise again: a solver without gradients.

With Gaussian priors and a whole step, this is the proximal-point iteration of the log posterior of addends
that add up, so that it goes to Wiener's solution. Noise that all sources share moves them together and leaves
with what is missing, while every denoiser sees the level of noise that it was trained for.
"""

from torch import Tensor

from lass.methods.diffusion.denoising import Problem
from lass.methods.diffusion.noise import Noise
from lass.methods.diffusion.schedules import falling
from lass.methods.diffusion_settings import Proximal


def approach(problem: Problem, settings: Proximal, noise: Noise) -> Tensor:
    """Addends [B, N, T] of the mixtures of `problem`, whose levels are deviations."""
    addends = (problem.mixtures / problem.sources)[:, None].expand(-1, problem.sources, -1)
    for level in falling(settings)[:-1]:
        drawn = noise.of_kind(noise_at(level, settings, alike=problem.priors.alike), problem.sources)
        clean = problem.denoise(addends + level * drawn, level)
        missing = problem.missing(clean)
        if settings.share == "spectral":
            consistent = clean + problem.shares(missing, level)
        else:
            consistent = clean + missing[:, None] / problem.sources
        addends = addends + settings.eta * (consistent - addends)
    return addends


def noise_at(level: float, settings: Proximal, *, alike: bool) -> str:
    """The kind of noise at `level`: shared noise keeps sources of one prior (`alike`) from parting."""
    if settings.noise == "shared" and alike and level > settings.split:
        return "independent"
    return settings.noise
