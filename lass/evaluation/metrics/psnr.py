"""Separation quality of images in decibels: the peak signal-to-noise ratio, image by image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.metrics.orders import closest_order

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PsnrScores:
    """Scores of one separated mixture: estimate `order[n]` stands for source n and scores `psnr[n]`."""

    order: list[int]
    psnr: FloatArray  # [N] in dB, +inf where the estimate equals its source

    @property
    def mean(self) -> float:
        """The score of the mixture, the mean over its N images in dB; +inf as soon as one of them is."""
        return float(self.psnr.mean())


def psnr(estimates: ArrayLike, sources: ArrayLike) -> FloatArray:
    """PSNR of every image in dB, `-10 log10(MSE)`: estimates [N, T] and sources [N, T] to float64 [N].

    Estimates are clamped to [0, 1] first; the data range is 1. The MSE is over the pixels of one image: over
    a whole batch it would be another metric. An estimate that equals its source has +inf, a black one too;
    black images need no other care, since the energy of the source plays no part.

    Raises:
        ValueError: shapes that differ or are not [N, T], NaN or infinite pixels, sources outside [0, 1].
    """
    estimated, true = _as_images(estimates, sources)
    return _decibels(np.mean((estimated - true) ** 2, axis=1))


def best_psnr(estimates: ArrayLike, sources: ArrayLike, *, labels: Sequence[str]) -> PsnrScores:
    """PSNR of one mixture's estimates [N, T] in their best order, that of the highest mean.

    Only sources of equal `labels` (N of them) may change places, as in
    `lass.evaluation.metrics.sdr.best_order`: all of them where one unconditional prior models every source,
    none where each estimate is of a known class.
    Ties keep the order as it is. Raises ValueError as `psnr` does, and for another number of `labels` than N.
    """
    estimated, true = _as_images(estimates, sources)
    errors = np.mean((true[:, None] - estimated[None]) ** 2, axis=2)  # [N sources, N estimates]
    order = closest_order(errors, labels=labels)
    return PsnrScores(order=order, psnr=_decibels(errors[np.arange(len(true)), order]))


def _as_images(estimates: ArrayLike, sources: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as float64 [N, T], the estimates clamped to [0, 1]."""
    estimated, true = (np.asarray(images, dtype=np.float64) for images in (estimates, sources))
    if estimated.shape != true.shape or true.ndim != 2 or true.size == 0:
        raise ValueError(
            f"estimates are {estimated.shape} and sources {true.shape}: give both as [N, T], none of them 0"
        )
    faulty = int(np.count_nonzero(~np.isfinite(estimated)))
    if faulty:
        raise ValueError(
            f"estimates hold {faulty} pixels that are NaN or infinite: repair the method, then score it"
        )
    if not (true.min() >= 0 and true.max() <= 1):  # NaN fails too
        raise ValueError(
            f"sources lie in [{true.min():g}, {true.max():g}], not in [0, 1]: divide bytes by 255"
        )
    return estimated.clip(0.0, 1.0), true


def _decibels(errors: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):  # no error, +inf dB
        return np.asarray(-10.0 * np.log10(errors))
