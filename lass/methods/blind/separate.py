"""Blind baselines for music (the paper's Table 5): a mono mixture split in two without training or labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from lass.methods.blind.decompositions import hpss_mask, ica_estimate, nmf_mask, rpca_mask
from lass.methods.blind.repeating import ft2d_mask, repet_mask, repet_sim_mask
from lass.methods.settings import LOWEST_BLIND, SHORTEST_BLIND

METHODS = ("rpca", "ica", "hpss", "repet", "repet_sim", "ft2d", "nmf")

FloatArray = NDArray[np.float64]
Samples = NDArray[np.float32]

_WINDOW = 0.064
"""Seconds that a window of the Fourier transform has at least, in a power of two of samples: 1024 at 16 kHz
(Huang et al. 2012), 2048 at 22.05 kHz, 4096 at 44.1 kHz (Fitzgerald 2010). Windows overlap by 3/4."""


def separate_blindly(mixtures: np.ndarray, *, method: str, rate: int, seeds: Sequence[int]) -> Samples:
    """Split mono mixtures y [B, T] of `rate` Hz into two estimates each [B, 2, T] that add up to them.

    The first estimate is a soft or binary mask on the short-time Fourier transform of the mixture, the second
    is the rest; for "ica" the first is a sum of filtered mixtures instead. No method knows the classes of the
    sources; what comes first is the same for every mixture:

        rpca       low rank, sparse           (Huang et al. 2012)
        ica        low band, high band        (Davies & James 2007)
        hpss       percussive, harmonic       (Fitzgerald 2010)
        repet      repeating, the rest        (Rafii & Pardo 2013)
        repet_sim  repeating, the rest        (Rafii & Pardo 2012)
        ft2d       repeating, the rest        (Seetharaman et al. 2017)
        nmf        percussive, harmonic       (Virtanen 2007, Canadas-Quesada et al. 2014)

    Silence gives silence, and a mixture of another loudness the same estimates in that loudness. `seeds` [B]
    are where "ica" and "nmf" start from, one for each mixture, whose estimates do not depend on the others;
    the other methods draw nothing.

    Raises:
        ValueError: an unknown method, a rate below 1 kHz, mixtures that are not rows of finite samples, one
            second long at least, or another number of seeds than of mixtures.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown: choose one of {', '.join(METHODS)}")
    samples = _as_samples(mixtures, rate)
    if len(seeds) != len(samples):
        raise ValueError(f"{len(seeds)} seeds for {len(samples)} mixtures: give one each")
    estimates = np.empty((len(samples), 2, samples.shape[1]), dtype=np.float32)
    for place, seed in enumerate(seeds):
        estimates[place] = _split(samples[place], method, rate, seed)
    return estimates


def _split(samples: FloatArray, method: str, rate: int, seed: int) -> Samples:
    """The two estimates [2, T] of one mixture [T]."""
    peak = float(np.abs(samples).max())
    if peak == 0.0:
        return np.zeros((2, len(samples)), dtype=np.float32)
    scaled = samples / peak
    start = int(np.random.default_rng(seed).integers(1 << 31))
    first = ica_estimate(scaled, seed=start) if method == "ica" else _masked(scaled, method, rate, start)
    return (peak * np.stack([first, scaled - first])).astype(np.float32)


def _masked(samples: FloatArray, method: str, rate: int, seed: int) -> FloatArray:
    """The part [T] of the samples [T] that the mask of the method keeps."""
    window = 1 << int(np.ceil(np.log2(_WINDOW * rate)))
    transform = ShortTimeFFT(hann(window, sym=False), window // 4, fs=rate)
    spectrum = transform.stft(samples)  # [F, M], the windows at both ends filled up with zeros
    mask = _first_mask(np.abs(spectrum), method, frame_rate=rate / transform.hop, seed=seed)
    return np.asarray(transform.istft(mask * spectrum, k1=len(samples)), dtype=np.float64)


def _first_mask(magnitudes: FloatArray, method: str, *, frame_rate: float, seed: int) -> FloatArray:
    """The mask [F, M] in [0, 1] of the first estimate, from magnitudes [F, M] at `frame_rate` per second."""
    match method:
        case "rpca":
            return rpca_mask(magnitudes)
        case "hpss":
            return hpss_mask(magnitudes)
        case "repet":
            return repet_mask(magnitudes, frame_rate=frame_rate)
        case "repet_sim":
            return repet_sim_mask(magnitudes, frame_rate=frame_rate)
        case "ft2d":
            return ft2d_mask(magnitudes)
        case _:
            return nmf_mask(magnitudes, seed=seed)


def _as_samples(mixtures: np.ndarray, rate: int) -> FloatArray:
    samples = np.asarray(mixtures, dtype=np.float64)
    if rate < LOWEST_BLIND:
        raise ValueError(f"rate {rate} Hz: give at least {LOWEST_BLIND} Hz")
    if samples.ndim != 2:
        raise ValueError(f"the mixtures have the shape {samples.shape}: give mono mixtures [B, T]")
    length = samples.shape[1]
    if length < SHORTEST_BLIND * rate:
        raise ValueError(
            f"the mixtures have {length} samples, which is {length / rate:.3f} s at {rate} Hz: "
            f"give at least {SHORTEST_BLIND} s"
        )
    faulty = int(np.count_nonzero(~np.isfinite(samples)))
    if faulty:
        raise ValueError(f"the mixtures hold {faulty} samples that are not finite: give finite samples")
    return samples
