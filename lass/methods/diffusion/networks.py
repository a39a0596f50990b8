"""Trained denoisers as the priors of a mixture's sources."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.spectra import Spectra
from lass.models.diffusion import DenoiserNetwork

TRAINED = 30.0  # deviations of the data: above this level of noise no network was trained


@dataclass(frozen=True, eq=False)
class Networks:
    """One denoiser for each of N sources; sources of one class may share theirs."""

    of_sources: Sequence[DenoiserNetwork]

    def __call__(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """As `lass.methods.diffusion.denoising.Denoiser`."""
        clean = [
            denoise(network, noisy[:, number], sigma[:, number])
            for number, network in enumerate(self.of_sources)
        ]
        return torch.stack(clean, dim=1)


def denoise(network: DenoiserNetwork, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Expected sources [B, T]; where there is more noise than in training, by the data's power alone."""
    power = network.deviation**2
    strong = (sigma > TRAINED * network.deviation)[:, None]
    linear: Tensor = power / (power + sigma[:, None] ** 2) * noisy
    if strong.all():
        return linear
    clean: Tensor = network(noisy, sigma)
    if not strong.any():
        return clean
    return torch.where(strong, linear, clean)


def priors_of(networks: Sequence[DenoiserNetwork]) -> Priors:
    """The priors of sources whose classes have `networks`, in order."""
    image = networks[0].shape.image is not None
    return Priors(
        Networks(networks),
        torch.stack([network.deviation for network in networks]),
        Spectra(torch.stack([network.powers for network in networks]), "points" if image else "fourier"),
        alike=len({id(network) for network in networks}) < len(networks),
    )
