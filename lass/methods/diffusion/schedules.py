"""Levels of noise: the falling ones of a solver, and the steps of a variance-preserving diffusion."""

from dataclasses import dataclass

import numpy as np

from lass.methods.diffusion_settings import Levels

PUBLISHED_STEPS = 200
FIRST, LAST = 1e-4, 0.02  # variance that a step adds, at the schedule's two ends


def falling(levels: Levels) -> list[float]:
    """The levels, and 0 at their end (Karras et al. 2022, equation 5)."""
    ramp = np.linspace(0, 1, levels.steps)
    high, low = levels.highest ** (1 / levels.rho), levels.lowest ** (1 / levels.rho)
    return [*((high + ramp * (low - high)) ** levels.rho).tolist(), 0.0]


def churned(sigma: float, *, churn: float, steps: int) -> float:
    """The level to which noise is added before a step down from `sigma`."""
    return sigma * (1 + min(churn / steps, 2**0.5 - 1))


@dataclass(frozen=True, eq=False)
class VariancePreserving:
    """Steps t = 0..S of a diffusion x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) e; step 0 is without noise."""

    betas: np.ndarray  # [S + 1], of which the first is 0
    kept: np.ndarray  # A [S + 1]

    @classmethod
    def linear(cls, steps: int) -> "VariancePreserving":
        """The published schedule; with fewer or more steps, each adds more or less noise."""
        betas = np.linspace(FIRST, LAST, steps) * (PUBLISHED_STEPS / steps)
        betas = np.concatenate([[0.0], betas])
        return cls(betas, np.cumprod(1 - betas))

    def sigma(self, step: int) -> float:
        """Deviation of the noise where the source has its own scale: `x_t / sqrt(A_t) = x_0 + sigma e`."""
        return float(np.sqrt(1 / self.kept[step] - 1))

    def mean(self, step: int) -> tuple[float, float]:
        """Factors of the denoised x_0 and of x_t in the mean of x_(t-1)."""
        kept, before, beta = self.kept[step], self.kept[step - 1], self.betas[step]
        return (
            float(np.sqrt(before) * beta / (1 - kept)),
            float(np.sqrt(1 - beta) * (1 - before) / (1 - kept)),
        )

    def deviation(self, step: int) -> float:
        """Deviation of the noise that a step down from `step` adds: 0 for the last."""
        return float(np.sqrt(self.betas[step] * (1 - self.kept[step - 1]) / (1 - self.kept[step])))
