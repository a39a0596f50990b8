"""Annealed Langevin dynamics of the addends' priors and the mixture (Jayaram & Thickstun 2020, "BASIS").

At every level of noise, the addends take steps up the gradient of two log densities, with noise: of the noisy
addends under their priors, `(D(u; sigma) - u) / sigma²`, and of the mixture given them, whose deviation about
their sum is the level itself. What is left at the end misses the mixture by about the lowest level.
"""

import numpy as np
from torch import Tensor

from lass.methods.diffusion.denoising import Problem
from lass.methods.diffusion.noise import Noise
from lass.methods.diffusion_settings import Langevin


def anneal(problem: Problem, settings: Langevin, noise: Noise) -> Tensor:
    """Addends [B, N, T] of the mixtures of `problem`, whose levels are deviations."""
    addends = settings.highest * noise.draw(problem.sources)
    for level in np.geomspace(settings.highest, settings.lowest, settings.levels).tolist():
        for _ in range(settings.steps):
            drawn = noise.draw(problem.sources)
            pull = problem.denoise(addends, level) - addends + problem.missing(addends)[:, None]
            addends = addends + settings.step * pull + (2 * settings.step) ** 0.5 * level * drawn
    return addends
