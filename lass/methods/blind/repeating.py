"""What repeats against what does not: REPET, REPET-SIM and peaks of the 2-D Fourier transform, as masks.

All take the magnitudes [F, M] of M frames of a short-time Fourier transform and give a mask [F, M] in [0, 1]
of the repeating background; the foreground has the rest. The papers' code leaves all below 100 Hz to the
background, since a voice is hardly that low. A bass is: no band is given away here.
"""

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.signal import find_peaks

FloatArray = NDArray[np.float64]
Integers = NDArray[np.int64]

_SHORTEST_PERIOD = 0.2
"""Seconds of the shortest repeating period, 300 beats a minute: below, frames are alike as they overlap."""

_PEAK_REACH = 2
"""Frames by which a multiple of the period may miss its peak: delta of Algorithm 1, Rafii & Pardo (2013)."""

_SIMILAR_APART = 1.0
"""Seconds between two similar frames of a song (Rafii & Pardo 2012); at most a twelfth of the mixture, as the
frames of three seconds have hardly two others one second apart."""

_SIMILAR_FRAMES = 100
"""Similar frames at most (the same source), and at most half of those that fit at that distance."""

_NEIGHBORHOOD = (1, 25)
"""Bins, by scale and rate, of which a peak of the 2-D Fourier transform has to be the highest: the size
that the authors have in FT2D of nussl."""


def repet_mask(magnitudes: FloatArray, *, frame_rate: float) -> FloatArray:
    """REPET (Rafii & Pardo 2013, section II): the median over the repetitions of one period, as a soft mask.

    The period comes from the beat spectrum. A cell of the model W is the median of all cells at its place in
    the period, no larger than the mixture's V there; the mask is W / V.
    """
    period = repeating_period(beat_spectrum(magnitudes), shortest=round(_SHORTEST_PERIOD * frame_rate))
    places = [np.median(magnitudes[:, place::period], axis=1) for place in range(period)]
    model = np.stack(places, axis=1)  # [F, period]
    return _kept(model[:, np.arange(magnitudes.shape[1]) % period], magnitudes)


def beat_spectrum(magnitudes: FloatArray) -> FloatArray:
    """Autocorrelation [M] of the power of a frequency, averaged over frames and frequencies; 1 at lag 0."""
    frames = magnitudes.shape[1]
    power = np.fft.rfft(magnitudes**2, n=2 * frames, axis=1)  # twice as long: no lag wraps around
    products = np.fft.irfft(np.abs(power) ** 2, n=2 * frames, axis=1)[:, :frames].sum(axis=0)
    beats = products / np.arange(frames, 0, -1)
    return np.asarray(beats / beats[0])


def repeating_period(beats: FloatArray, *, shortest: int) -> int:
    """The period in frames whose multiples stand out most in a beat spectrum [M].

    This is Algorithm 1 of Rafii & Pardo (2013). The longest quarter of the lags is left out, and a period has
    to fit three times in the others. A multiple of it counts, by its height above the mean of its
    neighborhood, where it is the highest one there.
    """
    lags = beats[: 3 * len(beats) // 4]
    periods = range(shortest, len(lags) // 3 + 1)
    scores = []
    for period in periods:
        reach = 3 * period // 4
        heights = [_prominence(lags, lag, reach) for lag in range(period, len(lags), period)]
        scores.append(sum(heights) / (len(lags) // period))
    return periods[int(np.argmax(scores))]


def repet_sim_mask(magnitudes: FloatArray, *, frame_rate: float) -> FloatArray:
    """REPET-SIM (Rafii & Pardo 2012): the median over the frames that are similar to a frame, as a soft mask.

    Similar frames are the highest local maxima of the cosine similarity to the frame, some time apart, itself
    among them. (`librosa.decompose.nn_filter` keeps those of lowest index, not the nearest, within its k.)
    """
    frames = magnitudes.shape[1]
    apart = min(_SIMILAR_APART * frame_rate, frames / 12)
    most = int(min(_SIMILAR_FRAMES, max(3, frames / apart / 2)))
    norms = np.linalg.norm(magnitudes, axis=0)
    unit = magnitudes / np.where(norms > 0, norms, 1.0)
    similarity = unit.T @ unit  # [M, M], of a silent frame 0
    model = np.empty_like(magnitudes)
    for frame in range(frames):
        chosen = _highest_peaks(similarity[frame], apart=apart, most=most)
        model[:, frame] = np.median(magnitudes[:, chosen], axis=1)
    return _kept(model, magnitudes)


def ft2d_mask(magnitudes: FloatArray) -> FloatArray:
    """FT2D (Seetharaman et al. 2017): peaks of the 2-D Fourier transform of the magnitudes against the rest.

    What repeats is a peak: the highest bin of its neighborhood along the rate (the transform of time), above
    the lowest one there by more than the standard deviation of all bins. Peaks and the rest are transformed
    back, to B and F with B + F = V; the mask is 1 where B is larger, else 0, as in the authors' code.
    """
    transform = np.fft.fft2(magnitudes)
    heights = np.abs(transform)
    highest = maximum_filter(heights, size=_NEIGHBORHOOD, mode="wrap")
    lowest = minimum_filter(heights, size=_NEIGHBORHOOD, mode="wrap")
    peaks = (heights == highest) & (highest - lowest > heights.std())
    background = np.fft.ifft2(np.where(peaks, transform, 0.0)).real
    return (background > magnitudes - background).astype(np.float64)


def _prominence(lags: FloatArray, lag: int, reach: int) -> float:
    """How far the peak at `lag` is above the mean of the lags within `reach`, 0 where another is higher."""
    first = max(lag - reach, 1)  # lag 0 is no repetition
    around = lags[first : lag + reach + 1]
    highest = first + int(np.argmax(around))
    return float(lags[highest] - around.mean()) if abs(highest - lag) <= _PEAK_REACH else 0.0


def _highest_peaks(row: FloatArray, *, apart: float, most: int) -> Integers:
    """Indices of local maxima of a row [M], its ends included, `apart` from each other, the highest first."""
    walled = np.pad(row, 1, constant_values=-1.0)
    peaks = find_peaks(walled, distance=max(1.0, apart))[0] - 1
    return np.asarray(peaks[np.argsort(-row[peaks], kind="stable")][:most], dtype=np.int64)


def _kept(model: FloatArray, magnitudes: FloatArray) -> FloatArray:
    """The share [F, M] of the magnitudes V that is in the model W: min(W, V) / V, a half where V is 0."""
    repeating = np.minimum(model, magnitudes)
    return librosa.util.softmask(repeating, magnitudes - repeating, split_zeros=True)
