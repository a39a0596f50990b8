"""Decompositions of a spectrogram, or of delayed copies of the samples, in two parts: rPCA, HPSS, NMF, ICA.

Masks are of the first part: [F, M] in [0, 1] from the magnitudes [F, M] of a short-time Fourier transform.
"""

import warnings
from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF, FastICA
from sklearn.exceptions import ConvergenceWarning

FloatArray = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_TINY = 1e-12
"""Keeps logarithms finite; far below any value that a component of a mixture with the peak 1 has."""

_PRECISION = 1e-7
"""Of the robust principal component analysis, relative to the matrix (Lin et al. 2010, section 4)."""

_STEPS = 100
"""Of the same at most. The penalty grows by a half every step: about 40 are needed."""

_COMPONENTS = 16
"""Of the non-negative factorisation."""

_SWEEPS = 200

_LAGS = 32
"""Copies of the mixture, each a sample later, that stand for channels in independent component analysis."""

_INDEPENDENT = 10
"""Independent components at most."""

_FAINT = 1e-6
"""Of the energy of the strongest principal component: fainter ones are rounding, and are not blown up."""

_ROUNDS = 100


@dataclass(frozen=True)
class RobustParts:
    """A matrix as the sum of a low-rank and a sparse one, all three of the same shape."""

    low_rank: FloatArray
    sparse: FloatArray


def rpca_mask(magnitudes: FloatArray) -> FloatArray:
    """Robust principal component analysis (Huang et al. 2012): 1 where the low-rank part is larger, else 0.

    This is the paper's binary mask with gain 1. What accompanies is repetitive, hence of low rank; what
    varies is sparse.
    """
    parts = robust_pca(magnitudes)
    return (np.abs(parts.low_rank) >= np.abs(parts.sparse)).astype(np.float64)


def robust_pca(matrix: FloatArray) -> RobustParts:
    """Solve min ||L||_* + lambda ||S||_1 with L + S = matrix [F, M], lambda = 1 / sqrt(max(F, M)).

    The problem is principal component pursuit (Candes et al. 2011), the solver the inexact augmented Lagrange
    multiplier method (Lin, Chen & Ma 2010, Algorithm 5, with its constants), and the matrix is not zero.
    """
    weight = 1.0 / float(np.sqrt(max(matrix.shape)))
    norm, largest = float(np.linalg.norm(matrix)), float(np.linalg.norm(matrix, 2))
    multiplier = matrix / max(largest, np.abs(matrix).max() / weight)
    penalty = 1.25 / largest
    low_rank, sparse = np.zeros_like(matrix), np.zeros_like(matrix)
    for _ in range(_STEPS):
        low_rank = _shrunk_values(matrix - sparse + multiplier / penalty, 1.0 / penalty)
        sparse = _shrunk(matrix - low_rank + multiplier / penalty, weight / penalty)
        residual = matrix - low_rank - sparse
        multiplier = multiplier + penalty * residual
        penalty *= 1.5
        if np.linalg.norm(residual) < _PRECISION * norm:
            break
    return RobustParts(low_rank, sparse)


def _shrunk_values(matrix: FloatArray, threshold: float) -> FloatArray:
    """`matrix` with its singular values lowered by `threshold`, to zero at least.

    Through the eigenvectors of its smaller Gram matrix: for a spectrogram ten times faster than its singular
    value decomposition, and exact down to singular values of 1e-8 of the largest, which are zero here.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return _shrunk_values(matrix.T, threshold).T
    energies, vectors = np.linalg.eigh(matrix.T @ matrix)
    values = np.sqrt(np.clip(energies, 0.0, None))
    kept = np.clip(values - threshold, 0.0, None) / np.maximum(values, _TINY)
    return np.asarray(matrix @ (vectors * kept) @ vectors.T)


def hpss_mask(magnitudes: FloatArray) -> FloatArray:
    """The percussive part of harmonic/percussive separation by median filters (Fitzgerald 2010): librosa's.

    Medians over 31 frames are harmonic, over 31 frequencies percussive; the mask is a Wiener filter of them.
    """
    _, percussive = librosa.decompose.hpss(magnitudes, mask=True)
    return np.asarray(percussive, dtype=np.float64)


def nmf_mask(magnitudes: FloatArray, *, seed: int) -> FloatArray:
    """The percussive part of a non-negative factorisation W H by Kullback-Leibler divergence (Virtanen 2007).

    Harmonic components last and have few frequencies, percussive ones are short and have many
    (Canadas-Quesada et al. 2014). The roughness of a component in frequency over that in time ranks them, by
    its logarithm; the two groups are those of least variance. The mask is the percussive share of W H.
    """
    model = NMF(
        min(_COMPONENTS, *magnitudes.shape),
        init="random",
        solver="mu",
        beta_loss="kullback-leibler",
        tol=0.0,  # as many sweeps for every mixture
        max_iter=_SWEEPS,
        random_state=seed,
    )
    templates, activations = model.fit_transform(magnitudes), model.components_  # W [F, K], H [K, M]
    roughness = _roughness(templates.T) / _roughness(activations)
    percussive = lower_group(np.log(roughness))
    parts = [templates[:, group] @ activations[group] for group in (percussive, ~percussive)]
    return librosa.util.softmask(*parts, split_zeros=True)


def ica_estimate(samples: FloatArray, *, seed: int) -> FloatArray:
    """The low band [T] of samples [T] by independent component analysis of delayed copies of them.

    A mono mixture has one channel; delays of it stand for the others (Davies & James 2007, who show that
    sources come apart as far as their spectra are disjoint). FastICA of scikit-learn (Hyvarinen & Oja 2000)
    rotates their strongest principal components; each component is led back to the samples by the mean over
    the delays. The logarithms of their mean frequencies part them into the two groups of least variance, and
    the estimate is the sum of the lower one.
    """
    padded = np.pad(samples, _LAGS - 1)
    delayed = np.lib.stride_tricks.sliding_window_view(padded, _LAGS)  # [T + lags - 1, lags]
    energies, axes = np.linalg.eigh(delayed.T @ delayed / len(delayed))  # ascending
    kept = np.flatnonzero(energies > _FAINT * energies[-1])[-_INDEPENDENT:]
    scales = np.sqrt(energies[kept])
    analysis = FastICA(whiten=False, max_iter=_ROUNDS, tol=1e-3, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after these rounds any rotation is an answer
        components = analysis.fit_transform(delayed @ (axes[:, kept] / scales))  # [T + lags - 1, K]
    filters = (axes[:, kept] * scales) @ analysis.mixing_  # [lags, K]
    parts = np.stack(
        [
            np.convolve(component, way_back, mode="valid") / _LAGS
            for component, way_back in zip(components.T, filters.T, strict=True)
        ]
    )  # [K, T]
    return np.asarray(parts[lower_group(_log_mean_frequency(parts))].sum(axis=0))


def lower_group(scores: FloatArray) -> Booleans:
    """Which of the scores [n] are in the lower of their two groups of least variance (Fisher 1958)."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    spreads = [
        ((ranked[:cut] - ranked[:cut].mean()) ** 2).sum() + ((ranked[cut:] - ranked[cut:].mean()) ** 2).sum()
        for cut in range(1, len(ranked))
    ]
    lower = np.zeros(len(scores), dtype=np.bool_)
    lower[order[: 1 + int(np.argmin(spreads)) if spreads else 1]] = True
    return lower


def _shrunk(values: FloatArray, threshold: float) -> FloatArray:
    return np.asarray(np.sign(values) * np.maximum(np.abs(values) - threshold, 0.0))


def _roughness(rows: FloatArray) -> FloatArray:
    """Squared steps of each row [K, n] over its energy: [K], the cost of continuity of Virtanen (2007)."""
    steps = (np.diff(rows, axis=1) ** 2).sum(axis=1)
    return np.asarray((steps + _TINY) / ((rows**2).sum(axis=1) + _TINY))


def _log_mean_frequency(parts: FloatArray) -> FloatArray:
    power = np.abs(np.fft.rfft(parts, axis=1)) ** 2  # [K, T // 2 + 1]
    mean = (power * np.arange(power.shape[1])).sum(axis=1) / (power.sum(axis=1) + _TINY)
    return np.asarray(np.log(mean + _TINY))
