"""Trained denoisers as the priors of a mixture's sources."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.spectra import Spectra
from lass.models.diffusion import DenoiserNetwork

TRAINED = 30.0  # deviations of the data: with the default levels of training, 1 in 900 is above


@dataclass(frozen=True, eq=False)
class Told:
    """A denoiser, and what it is told of a source."""

    network: DenoiserNetwork
    index: int | None = None  # of the source's class, for a network that is told classes

    @property
    def key(self) -> tuple[int, int | None]:
        """The same for two sources that have one prior."""
        return id(self.network), self.index

    @property
    def deviation(self) -> Tensor:
        """Of the sources, a scalar."""
        return self.network.deviations[self.index or 0]

    @property
    def powers(self) -> Tensor:
        """Mean power of the sources [F]."""
        return self.network.powers[self.index or 0]

    def denoise(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Expected sources [B, T]; where there is more noise than in training, by the power alone."""
        power = self.deviation**2
        strong = (sigma > TRAINED * self.deviation)[:, None]
        linear: Tensor = power / (power + sigma[:, None] ** 2) * noisy
        if strong.all():
            return linear
        classes = None if self.index is None else sigma.new_full(sigma.shape, self.index, dtype=torch.long)
        clean: Tensor = self.network(noisy, sigma, classes)
        if not strong.any():
            return clean
        return torch.where(strong, linear, clean)


@dataclass(frozen=True, eq=False)
class Networks:
    """One denoiser for each of N sources; sources of one class may share theirs."""

    of_sources: Sequence[Told]

    def __call__(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """As `lass.methods.diffusion.denoising.Denoiser`."""
        clean = [
            told.denoise(noisy[:, number], sigma[:, number]) for number, told in enumerate(self.of_sources)
        ]
        return torch.stack(clean, dim=1)


def priors_of(sources: Sequence[Told]) -> Priors:
    """The priors of sources that have these denoisers, in order."""
    image = sources[0].network.shape.image is not None
    return Priors(
        Networks(sources),
        torch.stack([told.deviation for told in sources]),
        Spectra(torch.stack([told.powers for told in sources]), "points" if image else "fourier"),
        alike=len({told.key for told in sources}) < len(sources),
    )
