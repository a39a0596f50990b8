"""Separation quality of audio in decibels: BSS-eval v4 per frame, whole-chunk SDR and SI-SDR."""

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.metrics.orders import closest_order

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SeparationScores:
    """Scores of one separated mixture; each array is float64 [N] in dB, one value per source.

    `sdr`, `isr`, `sir` and `sar` are medians over the frames that have a value, NaN where none has one.
    `sdr_chunk` and `si_sdr` are taken over all T samples. A perfect estimate has an SDR of +inf.
    `nan_frames` counts the frames left out of the medians, the same ones for every source.
    """

    sdr: FloatArray
    isr: FloatArray
    sir: FloatArray
    sar: FloatArray
    sdr_chunk: FloatArray
    si_sdr: FloatArray
    nan_frames: int


def evaluate_separation(
    estimates: ArrayLike, references: ArrayLike, *, rate: int, window: float = 1.0, hop: float = 1.0
) -> SeparationScores:
    """Score estimates [N, T] against references [N, T], both at `rate` Hz and in the same order of sources.

    Framewise scores are museval's BSS-eval v4 (Stöter, Liutkus and Ito, "The 2018 Signal Separation
    Evaluation Campaign", LVA/ICA 2018): frames of `window` seconds every `hop` seconds, one set of 512-tap
    distortion filters for the whole chunk, and no frame for a last stretch shorter than a window. Its SDR of
    a frame, the metric of the paper's Table 5, is `10 log10(||s||^2 / ||s - s_hat||^2)`. A frame in which any
    reference or any estimate is silent has no score for any source.

    Raises:
        ValueError: shapes that differ or are not [N, T], NaN or infinite samples, a rate, window or hop that
            is not positive, or a chunk shorter than one window.
    """
    estimated, true = _as_sources(estimates, "estimates"), _as_sources(references, "references")
    if estimated.shape != true.shape:
        raise ValueError(
            f"estimates are {estimated.shape} and references {true.shape}: give both the same shape [N, T]"
        )
    if rate <= 0 or round(window * rate) < 1 or round(hop * rate) < 1:
        raise ValueError(
            f"rate={rate} Hz, window={window} s and hop={hop} s: frames and steps need one sample or more"
        )
    frames = _framewise_scores(
        estimated, true, window=round(window * rate), hop=round(hop * rate)
    )  # [4, N, frames]
    kept = ~np.isnan(frames).any(axis=(0, 1))
    sdr, isr, sir, sar = _median(frames[:, :, kept])
    return SeparationScores(
        sdr=sdr,
        isr=isr,
        sir=sir,
        sar=sar,
        sdr_chunk=signal_to_distortion(estimated, true),
        si_sdr=scale_invariant_sdr(estimated, true),
        nan_frames=int(np.count_nonzero(~kept)),
    )


def best_order(estimates: ArrayLike, references: ArrayLike, *, labels: Sequence[str]) -> list[int]:
    """Order of the estimates [N, T] with the highest mean whole-chunk SDR against references [N, T].

    Only sources of equal `labels` (N of them) may change places: those that one unconditional prior models,
    so that nothing says which estimate is which source. Ties keep the order as it is.
    """
    estimated, true = _as_sources(estimates, "estimates"), _as_sources(references, "references")
    if estimated.shape != true.shape or len(labels) != len(true):
        raise ValueError(
            f"estimates are {estimated.shape}, references {true.shape} and labels {len(labels)}: "
            "give N of each"
        )
    return closest_order(_energy(true[:, None] - estimated[None]), labels=labels)


def signal_to_distortion(estimates: FloatArray, references: FloatArray) -> FloatArray:
    """SDR over the last axis in dB, `10 log10(||s||^2 / ||s - s_hat||^2)`: [N, T] and [N, T] to [N].

    +inf for an exact estimate, NaN for a silent reference.
    """
    return _decibels(_energy(references), _energy(references - estimates), defined=_energy(references) > 0)


def scale_invariant_sdr(estimates: FloatArray, references: FloatArray) -> FloatArray:
    """SI-SDR over the last axis in dB: [N, T] and [N, T] to [N].

    With `a = <s_hat, s> / ||s||^2` it is `10 log10(||a s||^2 / ||a s - s_hat||^2)`; no mean is removed
    (Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019). NaN where either signal is silent.
    """
    energy = _energy(references)
    defined = (energy > 0) & (_energy(estimates) > 0)
    scale = np.sum(estimates * references, axis=-1) / np.where(energy > 0, energy, 1.0)
    target = scale[..., None] * references
    return _decibels(_energy(target), _energy(target - estimates), defined=defined)


def _as_sources(signals: ArrayLike, name: str) -> FloatArray:
    sources = np.asarray(signals, dtype=np.float64)
    if sources.ndim != 2 or sources.size == 0:
        raise ValueError(
            f"{name} have the shape {sources.shape}: give sources and samples as [N, T], none of them 0"
        )
    faulty = int(np.count_nonzero(~np.isfinite(sources)))
    if faulty:
        raise ValueError(
            f"{name} hold {faulty} samples that are NaN or infinite: repair the audio, then score it"
        )
    return sources


def _framewise_scores(estimates: FloatArray, references: FloatArray, *, window: int, hop: int) -> FloatArray:
    """SDR, ISR, SIR and SAR of every frame: float64 [4, N, frames], NaN where a source is silent."""
    sources, samples = references.shape
    if samples < window:
        raise ValueError(
            f"a chunk of {samples} samples is shorter than one frame of {window}: "
            "use longer chunks or a shorter window"
        )
    silent = ~estimates.any(axis=1) | ~references.any(axis=1)
    if (
        silent.any()
    ):  # museval refuses such a chunk as a whole; by its own rule none of the frames has a score
        return np.full((4, sources, (samples - window) // hop + 1), np.nan)
    with np.errstate(divide="ignore"):  # an estimate without any part of its source has an SIR of -inf
        *scores, _ = _museval_metrics().bss_eval(
            references[..., None],  # [N, T, 1], one channel
            estimates[..., None],
            window=window,
            hop=hop,
            compute_permutation=False,
            framewise_filters=False,
            bsseval_sources_version=False,
        )
    return np.stack(scores)


@functools.cache
def _museval_metrics() -> Any:
    """The module `museval.metrics`, loaded from its file.

    `import museval` would also import musdb and stempeg, which fail where ffmpeg is missing. The metrics
    themselves need only NumPy and SciPy. They are loaded at the first use, since SciPy takes a second.
    """
    package = importlib.util.find_spec("museval")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("museval is not installed: pip install museval")
    path = Path(package.submodule_search_locations[0]) / "metrics.py"
    spec = importlib.util.spec_from_file_location("lass_museval_metrics", path)
    assert spec is not None, "a .py file always has a loader"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _median(frames: FloatArray) -> FloatArray:
    """Median over the last axis, NaN where it has no frame: [4, N, frames] to [4, N]."""
    if frames.shape[-1] == 0:
        return np.full(frames.shape[:-1], np.nan)
    return np.asarray(np.median(frames, axis=-1))


def _energy(signals: FloatArray) -> FloatArray:
    return np.asarray(np.sum(signals**2, axis=-1))


def _decibels(signal: FloatArray, distortion: FloatArray, *, defined: NDArray[np.bool_]) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10.0 * (np.log10(signal) - np.log10(distortion))
    return np.where(defined, ratio, np.nan)
