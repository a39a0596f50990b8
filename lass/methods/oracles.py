"""Oracles without a network: the mixture for every source, the mask that the true sources make."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lass.data.mixtures import Batch
from lass.methods.protocol import Given, Method
from lass.methods.settings import OracleJob

WINDOW = 0.064  # seconds, in a power of two of samples, as of the blind methods
QUIET = 1e-12  # power that counts as silence: the mixture is shared out alike


def open_method(job: OracleJob, given: Given) -> Method:  # noqa: ARG001 (it needs no file)
    """The oracle `job.name`; ValueError for another name."""
    match job.name:
        case "mixture":
            return Batchwise(lambda batch: scaled_mixture(batch.mixtures, weights=batch.weights))
        case "average":
            return Batchwise(lambda batch: average(batch.mixtures, sources=batch.sources.shape[1]))
        case "ideal_mask":
            rate = job.rate or 0
            return Batchwise(lambda batch: ideal_ratio_mask(batch.sources, weights=batch.weights, rate=rate))
        case "ideal_binary_mask":
            rate = job.rate or 0
            return Batchwise(lambda batch: ideal_binary_mask(batch.sources, weights=batch.weights, rate=rate))
        case _:
            raise ValueError(f"oracle {job.name!r} is unknown: see lass.config.registry")


@dataclass(frozen=True)
class Batchwise:
    """A method that is a function of the batch."""

    function: Callable[[Batch], np.ndarray]

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`."""
        return self.function(batch)


def scaled_mixture(mixtures: np.ndarray, *, weights: np.ndarray) -> np.ndarray:
    """Mixtures y [B, T] as estimates [B, N, T]: `y / alpha_n`, since `alpha_n x_n` is heard of source n.

    `weights` are alpha [B, N].
    """
    return np.asarray(mixtures[:, None] / weights[:, :, None])


def average(mixtures: np.ndarray, *, sources: int) -> np.ndarray:
    """The mixtures y [B, T] as the estimate of each of their `sources`: [B, N, T]."""
    return np.repeat(mixtures[:, None], sources, axis=1)


def ideal_ratio_mask(sources: np.ndarray, *, weights: np.ndarray, rate: int) -> NDArray[np.float32]:
    """Estimates [B, N, T] of sources x_n [B, N, T] from their mixtures, by the ratio of their true powers.

    Every point of a mixture's short-time Fourier transform is shared out in proportion to the squared
    magnitudes of the alpha_n x_n there (Liutkus & Badeau 2015 call it the Wiener filter). `weights` are alpha
    [B, N]; `rate` is in Hz. Mixtures shorter than half a window are a ValueError.
    """
    return masked(sources, weights=weights, rate=rate, share=lambda power: power / power.sum(axis=0))


def ideal_binary_mask(sources: np.ndarray, *, weights: np.ndarray, rate: int) -> NDArray[np.float32]:
    """As `ideal_ratio_mask`, but every point goes to the loudest source alone (Wang 2005)."""
    return masked(sources, weights=weights, rate=rate, share=loudest)


def loudest(power: np.ndarray) -> np.ndarray:
    """1 at the source of the highest `power` [N, frequencies, frames] of every point, 0 at the others."""
    return np.asarray(np.arange(len(power))[:, None, None] == power.argmax(axis=0))


def masked(
    sources: np.ndarray, *, weights: np.ndarray, rate: int, share: Callable[[np.ndarray], np.ndarray]
) -> NDArray[np.float32]:
    """Estimates [B, N, T] through masks [N, frequencies, frames] that `share` makes of the true powers."""
    # It takes a second, and the other oracles make no masks.
    from scipy.signal import ShortTimeFFT  # noqa: PLC0415
    from scipy.signal.windows import hann  # noqa: PLC0415

    size = 2 ** round(np.log2(WINDOW * rate))
    frames = sources.shape[2]
    if 2 * frames < size:
        raise ValueError(f"{frames} samples are less than half a window of {size}: give longer mixtures")
    transform = ShortTimeFFT(hann(size, sym=False), hop=size // 4, fs=rate)
    estimates = np.empty(sources.shape, dtype=np.float32)
    for place, mixed in enumerate(sources):  # one at a time: their transforms are large
        alpha = weights[place][:, None]
        parts = transform.stft(alpha.astype(np.float64) * mixed)  # [N, frequencies, frames]
        power = np.abs(parts) ** 2 + QUIET
        estimates[place] = transform.istft(share(power) * parts.sum(axis=0), k1=frames) / alpha
    return estimates
