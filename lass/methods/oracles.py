"""Oracles of audio: the mixture as the estimate of every source, and the mask that the true sources make."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

WINDOW = 0.064  # seconds, in a power of two of samples, as of the blind methods
QUIET = 1e-12  # power that counts as silence: the mixture is shared out alike


def scaled_mixture(mixtures: np.ndarray, *, weights: np.ndarray) -> np.ndarray:
    """Mixtures y [B, T] as estimates [B, N, T]: `y / alpha_n`, since `alpha_n x_n` is heard of source n."""
    return np.asarray(mixtures[:, None] / weights[:, None])


def ideal_ratio_mask(sources: np.ndarray, *, weights: np.ndarray, rate: int) -> NDArray[np.float32]:
    """Estimates [B, N, T] of sources x_n [B, N, T] from their mixtures, by the ratio of their true powers.

    Every point of a mixture's short-time Fourier transform is shared out in proportion to the squared
    magnitudes of the alpha_n x_n there (Liutkus & Badeau 2015 call it the Wiener filter). `weights` are alpha
    [N]; `rate` is in Hz. Mixtures shorter than half a window are a ValueError.
    """
    size = 2 ** round(np.log2(WINDOW * rate))
    frames = sources.shape[2]
    if 2 * frames < size:
        raise ValueError(f"{frames} samples are less than half a window of {size}: give longer mixtures")
    transform = ShortTimeFFT(hann(size, sym=False), hop=size // 4, fs=rate)
    estimates = np.empty(sources.shape, dtype=np.float32)
    for place, mixed in enumerate(sources):  # one at a time: their transforms are large
        parts = transform.stft(weights[:, None].astype(np.float64) * mixed)  # [N, frequencies, frames]
        power = np.abs(parts) ** 2 + QUIET
        masked = power / power.sum(axis=0) * parts.sum(axis=0)
        estimates[place] = transform.istft(masked, k1=frames) / weights[:, None]
    return estimates
