"""What the solvers are given: denoisers of the sources, and mixtures of their addends.

A solver works on addends u_n = alpha_n x_n, which add up to the mixture. A denoiser of x_n serves them by
scale alone: D_u(u; sigma) = alpha D(u / alpha; sigma / alpha).
"""

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from lass.methods.diffusion.spectra import Spectra


class Denoiser(Protocol):
    """The diffusion priors of the sources of mixtures: what each of them makes of noisy sources."""

    def __call__(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """The expected sources [B, N, T], given `noisy` [B, N, T]: source plus `sigma` [B, N] times noise.

        Differentiable in `noisy`, every source by itself.
        """


@dataclass(frozen=True, eq=False)
class Priors:
    """The priors of N sources, and what is known of their training data."""

    denoiser: Denoiser
    deviations: Tensor  # of the numbers of each class [N]
    spectra: Spectra | None = None  # mean power; None where it was not measured
    alike: bool = False  # whether two sources have one prior

    def __post_init__(self) -> None:
        """Refuse deviations that no level of noise can be relative to."""
        if not (self.deviations > 0).all() or not self.deviations.isfinite().all():
            raise ValueError(
                f"deviations of the sources are {self.deviations.tolist()}: all must be above 0 and finite"
            )


@dataclass(frozen=True, eq=False)
class Problem:
    """Mixtures to be parted into addends, and the priors of these."""

    priors: Priors
    mixtures: Tensor  # y [B, T]
    gains: Tensor  # addend = gain * source [B, N]

    @property
    def sources(self) -> int:
        """N."""
        return self.gains.shape[1]

    @property
    def deviations(self) -> Tensor:
        """Of the numbers of the addends [B, N]."""
        return self.gains * self.priors.deviations.to(self.gains)

    def scaled(self, factors: Tensor) -> "Problem":
        """The same with every mixture, and its addends, times one of `factors` [B]."""
        return replace(self, mixtures=factors[:, None] * self.mixtures, gains=factors[:, None] * self.gains)

    def denoise(self, noisy: Tensor, sigma: float) -> Tensor:
        """The expected addends [B, N, T], given `noisy` ones."""
        gains = self.gains[:, :, None]
        return gains * self.priors.denoiser(noisy / gains, sigma / self.gains)

    def missing(self, addends: Tensor) -> Tensor:
        """What `addends` [B, N, T] leave of the mixtures [B, T]."""
        return self.mixtures - addends.sum(dim=1)

    def shares(self, missing: Tensor, sigma: float, *, error: float = 0.0) -> Tensor:
        """What is `missing` [B, T] by source [B, N, T], in proportion to what is open at level `sigma`.

        Given a noisy addend, its coefficient of mean power P has the variance `sigma² P / (sigma² + P)`.
        `error` is the deviation of the mixture about the sum. ValueError without mean powers.
        """
        spectra = self.priors.spectra
        if spectra is None:
            raise ValueError(
                "the mean power of the classes is not known, by which what is missing is shared out: "
                "take a guidance or share that does without it"
            )
        return spectra.share(missing, gains=self.gains, sigma=sigma, error=error)


def open_problem(priors: Priors, mixtures: Tensor, weights: Tensor) -> Problem:
    """The problem of `mixtures` [B, T] of sources with `weights` alpha [B, N].

    ValueError where the numbers of mixtures or sources differ, or a weight is not above 0.
    """
    if mixtures.dim() != 2 or weights.dim() != 2 or len(mixtures) != len(weights):
        raise ValueError(
            f"mixtures {list(mixtures.shape)} and weights {list(weights.shape)}: give [B, T] and [B, N]"
        )
    if weights.shape[1] != len(priors.deviations) or weights.shape[1] < 2:
        raise ValueError(
            f"weights of {weights.shape[1]} sources, but priors of {len(priors.deviations)}: give at "
            "least two sources, and each a weight"
        )
    if not (weights > 0).all() or not torch.isfinite(weights).all():
        raise ValueError(f"weights {weights.tolist()}: all must be above 0 and finite")
    return Problem(priors, mixtures, weights.to(mixtures))
