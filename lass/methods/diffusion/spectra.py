"""Mean powers of the classes of sources, and shares by them: Wiener's filter between levels of noise."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

CALM = 1e-20  # added to variances: where no source has power, all share alike


@dataclass(frozen=True, eq=False)
class Spectra:
    """The mean power of each class's coefficients in an orthonormal basis.

    `fourier` is for sounds, whose statistics are the same at all times: `powers` [N, F] at F frequencies from
    zero to half the rate, for mixtures of any length. `points` is for images: [N, T], one for each number.
    """

    powers: Tensor
    basis: Literal["fourier", "points"] = "fourier"

    def share(self, missing: Tensor, *, gains: Tensor, sigma: float, error: float) -> Tensor:
        """As `Problem.shares`, of addends that are `gains` [B, N] times the sources."""
        powers = self._powers(missing.shape[-1]).to(gains) * gains[:, :, None] ** 2  # [B, N, F]
        variances = sigma**2 * powers / (sigma**2 + powers) + CALM
        shares = variances / (variances.sum(dim=1, keepdim=True) + error**2)
        if self.basis == "points":
            return shares * missing[:, None]
        parted: Tensor = torch.fft.irfft(shares * torch.fft.rfft(missing)[:, None], n=missing.shape[-1])
        return parted

    def _powers(self, length: int) -> Tensor:
        """The powers [N, F] for mixtures of `length` samples."""
        bins = length if self.basis == "points" else length // 2 + 1
        if self.powers.shape[1] == bins:
            return self.powers
        if self.basis == "points":
            raise ValueError(
                f"powers of {self.powers.shape[1]} numbers, but mixtures of {length}: make them equal"
            )
        found: Tensor = torch.nn.functional.interpolate(
            self.powers[:, None], size=bins, mode="linear", align_corners=True
        )[:, 0]
        return found
