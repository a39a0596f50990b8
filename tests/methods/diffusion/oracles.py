"""Sources whose posterior given a mixture is known in closed form, and denoisers that are exact for them.

In float64. The answers are worked out here, by linear algebra and by enumeration, without the library.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.spectra import Spectra


def decibels(truth: Tensor, estimates: Tensor) -> float:
    """Mean over mixtures and sources [..., N, T] of the signal-to-distortion ratio."""
    ratio = truth.square().sum(dim=-1) / (truth - estimates).square().sum(dim=-1)
    return float(10 * ratio.log10().mean())


def generators(number: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, row)) for row in range(number)]


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Sources with independent Gaussian coefficients of `variances` [N, T]; mixtures have `weights` [N]."""

    variances: Tensor
    weights: Tensor

    @property
    def priors(self) -> Priors:
        return Priors(self.denoise, self.variances.mean(dim=1).sqrt(), Spectra(self.variances, "points"))

    def denoise(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        return self.variances / (self.variances + sigma[:, :, None] ** 2) * noisy

    def draw(self, rng: np.random.Generator, mixtures: int) -> tuple[Tensor, Tensor]:
        """Sources [B, N, T], and their mixtures [B, T]."""
        white = torch.from_numpy(rng.standard_normal((mixtures, *self.variances.shape)))
        sources = self.variances.sqrt() * white
        return sources, (self.weights[:, None] * sources).sum(dim=1)

    def wiener(self, mixtures: Tensor) -> Tensor:
        """The expected sources [B, N, T]."""
        filters = self.weights[:, None] * self.variances / self.mixed
        return filters * mixtures[:, None]

    @property
    def mixed(self) -> Tensor:
        return (self.weights[:, None] ** 2 * self.variances).sum(dim=0)

    @property
    def posterior(self) -> Tensor:
        """Variances of the sources given the mixture [N, T]."""
        return self.variances - (self.weights[:, None] * self.variances) ** 2 / self.mixed


def draw_gaussians(*, weights: list[float], size: int = 400, seed: int = 0) -> Gaussians:
    """Variances that spread over four decades; their mean is 0.01."""
    rng = np.random.default_rng(seed)
    drawn = torch.from_numpy(10.0 ** rng.uniform(-4, 0, (len(weights), size)))
    return Gaussians(0.01 * drawn / drawn.mean(dim=1, keepdim=True), torch.tensor(weights).double())


@dataclass(frozen=True, eq=False)
class Templates:
    """Sources that are one of K templates [N, K, T] each, plus white noise of one deviation."""

    templates: Tensor
    deviation: float

    @property
    def sources(self) -> int:
        return len(self.templates)

    @property
    def priors(self) -> Priors:
        power = self.templates.square().mean(dim=(1, 2)) + self.deviation**2
        spectra = self.templates.square().mean(dim=1) + self.deviation**2
        return Priors(self.denoise, power.sqrt(), Spectra(spectra, "points"))

    def denoise(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        inner, level = self.deviation**2, sigma[:, :, None]  # [B, N, 1]
        total = inner + level**2
        apart = noisy[:, :, None] - self.templates  # [B, N, K, T]
        chances = (-apart.square().sum(dim=-1) / (2 * total)).softmax(dim=-1)
        mean = (chances[..., None] * self.templates).sum(dim=2)
        return mean + inner / total * (noisy - mean)

    def draw(self, rng: np.random.Generator, mixtures: int) -> tuple[Tensor, Tensor]:
        """Sources [B, N, T], and their sums [B, T]."""
        chosen = rng.integers(self.templates.shape[1], size=(mixtures, self.sources))
        clean = torch.stack([self.templates[n, chosen[:, n]] for n in range(self.sources)], dim=1)
        sources = clean + self.deviation * torch.from_numpy(rng.standard_normal(clean.shape))
        return sources, sources.sum(dim=1)

    def expected(self, mixtures: Tensor) -> Tensor:
        """The expected sources [B, N, T], by enumeration of all choices of templates."""
        number = self.templates.shape[1]
        choices = torch.cartesian_prod(*[torch.arange(number)] * self.sources)  # [K^N, N]
        clean = torch.stack([self.templates[n, choices[:, n]] for n in range(self.sources)], dim=1)
        missing = mixtures[:, None] - clean.sum(dim=1)  # [B, K^N, T]
        variance = self.sources * self.deviation**2
        chances = (-missing.square().sum(dim=-1) / (2 * variance)).softmax(dim=-1)
        parts = clean + missing[:, :, None] / self.sources if len(mixtures) == 1 else None
        if parts is not None:
            return (chances[:, :, None, None] * parts).sum(dim=1)
        return torch.cat([self.expected(mixture[None]) for mixture in mixtures])


def draw_templates(*, sources: int, number: int, size: int = 128, seed: int = 1) -> Templates:
    """White templates of variance 0.01; what varies about them is 14 dB below."""
    drawn = np.random.default_rng(seed).standard_normal((sources, number, size))
    return Templates(0.1 * torch.from_numpy(drawn), 0.02)
