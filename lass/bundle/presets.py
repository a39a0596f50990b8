"""What separates windows of a mixture by a preset of a model."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lass.bundle.settings import Description, Preset
from lass.data.mixtures import Batch
from lass.methods.diffusion import BLOCK, Diffusion
from lass.methods.latent import Latent
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.estimation.estimates import estimate_sources
from lass.separation.separator import Separator

SEQUENCES = 64  # hypotheses of all windows together, from which on a processor gains nothing by more
LEAST, MOST = 8, 64  # windows at once


@dataclass(frozen=True, eq=False)
class Windowed:
    """What a preset makes of windows."""

    estimates: np.ndarray  # [B, N, T] float32
    codes: np.ndarray  # [B, N, S] int64: of the most probable candidate, not moved; S is 0 without codes
    log_posterior: np.ndarray  # [B] float64: its own, up to a constant of the window; NaN where there is none


class OpenPreset(Protocol):
    """What separates windows."""

    @property
    def description(self) -> Description:
        """Of the model."""

    @property
    def batch(self) -> int:
        """Windows at once."""

    @property
    def positions(self) -> int:
        """Codes of a window, S; 0 for a preset that finds none."""

    def separate(self, windows: np.ndarray, numbers: list[int]) -> Windowed:
        """Estimates x_n of the sources of windows [B, T]; `numbers` and the seed decide every draw."""


@dataclass(frozen=True, eq=False)
class ByCodes:
    """Codes that explain the windows, and estimates by them."""

    description: Description
    separator: Separator
    latent: Latent
    classes: list[str]  # of the sources
    positions: int
    kept: int  # candidates
    batch: int

    def separate(self, windows: np.ndarray, numbers: list[int]) -> Windowed:
        """As of every preset."""
        mixtures = torch.from_numpy(windows).to(self.latent.device)
        drawn = draw_candidates(self.separator, mixtures, numbers, kept=self.kept, with_data=True)
        estimates = estimate_sources(
            drawn,
            mixtures,
            estimation=self.latent.estimation,
            synthesis=self.latent.synthesis,
            sources=[self.latent.labelled(self.classes)] * len(drawn),
        )
        best = [one.most_probable for one in drawn]
        return Windowed(
            estimates.cpu().numpy(),
            _stacked([one.codes[row] for one, row in zip(drawn, best, strict=True)]),
            _stacked([one.log_posterior[row] for one, row in zip(drawn, best, strict=True)]),
        )


@dataclass(frozen=True, eq=False)
class ByDiffusion:
    """Diffusion priors of the sources, guided by the windows."""

    description: Description
    method: Diffusion
    classes: list[str]  # of the sources
    positions: int = 0
    batch: int = BLOCK

    def separate(self, windows: np.ndarray, numbers: list[int]) -> Windowed:
        """As of every preset."""
        size, sources = len(windows), len(self.classes)
        batch = Batch(
            items=numbers,
            classes=[self.classes] * size,
            sources=np.zeros((size, sources, windows.shape[1]), dtype=np.float32),  # which are not known
            weights=np.tile(np.asarray(self.description.weights, dtype=np.float32), (size, 1)),
            mixtures=windows,
        )
        method = replace(self.method, padded=False)  # or one window would cost as much as a block
        codes, none = np.empty((size, sources, 0), dtype=np.int64), np.full(size, np.nan)
        return Windowed(method.separate(batch), codes, none)


def windows_at_once(preset: Preset) -> int:
    """How many windows a preset by codes separates at once: the more, the fewer hypotheses each has."""
    return min(MOST, max(LEAST, SEQUENCES // preset.decoder.hypotheses))


def _stacked(tensors: list[Tensor]) -> np.ndarray:
    stacked: np.ndarray = torch.stack(tensors).cpu().numpy()
    return stacked
