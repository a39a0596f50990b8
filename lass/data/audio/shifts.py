"""Shifts recordings away from what methods learnt from: other pitch, levels, spectra, a room, noise."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.signal import fftconvolve, resample_poly

from lass.compute.seeds import generator
from lass.data.audio.extraction import write_index
from lass.data.audio.files import write_audio
from lass.data.audio.tracks import AudioLibrary, Entry, path_of
from lass.data.mixtures import beside
from lass.data.shift_settings import Shift
from lass.data.table import SCHEMA

ECHO = 0.25  # power of a room's sound beside that of the direct sound
STEEP = 8  # order of the low-pass filter


def write_shifted(
    folder: Path, library: AudioLibrary, shift: Shift, *, weights: Mapping[str, float], seed: int
) -> None:
    """Write the recordings of `library`, shifted, with what their mixtures have beside their sources.

    `weights` are alpha by class. ValueError where levels name a class that there is not.
    """
    strange = sorted(set(shift.levels) - set(library.classes))
    if strange:
        raise ValueError(f"levels names {strange[0]!r}, which is none of the classes {library.classes}")
    entries = {}
    for number, item in enumerate(library.items):
        classes = library.classes_of(item)
        dry = shifted(library.read_sources(item, classes), classes, shift, rate=library.rate)
        alphas, rng = np.array([weights[name] for name in classes]), generator(seed, "shifts", number)
        added = unwanted(dry, alphas, shift, rate=library.rate, rng=rng)
        audio, names = dry, classes
        if added is not None:
            audio, names = np.concatenate([dry, added]), (*classes, *map(beside, classes))
        write_audio(path_of(folder, item), audio, rate=library.rate)
        digest = hashlib.sha256(np.ascontiguousarray(audio).tobytes()).hexdigest()
        entries[item] = Entry(classes=names, frames=audio.shape[1], sha256=digest)
    write_index(folder, entries, rate=library.rate, classes=library.classes)


def moved(mixtures: pa.Table, shift: Shift) -> pa.Table:
    """Mixtures with the same music in recordings that are shifted: what is faster begins earlier."""
    speed = speed_of(shift)
    starts = [[round(start / speed) for start in row] for row in mixtures["starts"].to_pylist()]
    column = SCHEMA.get_field_index("starts")
    return mixtures.set_column(column, SCHEMA.field(column), pa.array(starts, type=SCHEMA.field(column).type))


def speed_of(shift: Shift) -> Fraction:
    """How much faster everything is played."""
    return Fraction(2 ** (shift.semitones / 12)).limit_denominator(100)


def shifted(sources: np.ndarray, classes: tuple[str, ...], shift: Shift, *, rate: int) -> np.ndarray:
    """Sources [N, T] of N `classes` in another pitch, level and spectrum: float32 [N, T].

    What is played more slowly is longer, of all its music.
    """
    altered: np.ndarray = np.asarray(sources, dtype=np.float32)
    if shift.semitones:
        speed = speed_of(shift)
        played = resample_poly(altered, speed.denominator, speed.numerator, axis=1)
        length = max(altered.shape[1], played.shape[1])
        altered = np.stack([np.resize(source, length) for source in played])
    gains = np.array([10 ** (shift.levels.get(name, 0.0) / 20) for name in classes])
    altered = altered * gains[:, None]
    if shift.tilt or shift.lowpass:
        length = altered.shape[1]
        response = spectral_gain(np.fft.rfftfreq(length, 1 / rate), shift)
        altered = np.fft.irfft(np.fft.rfft(altered, axis=1) * response, n=length, axis=1)
    return np.asarray(altered, dtype=np.float32)


def spectral_gain(frequencies: np.ndarray, shift: Shift) -> np.ndarray:
    """Factor at each frequency in Hz, without a phase: the tilt above its corner, and the low-pass filter."""
    octaves = np.log2(np.maximum(frequencies, shift.corner) / shift.corner)
    gain = 10 ** (shift.tilt * octaves / 20)
    if shift.lowpass:
        gain = gain / np.sqrt(1 + (frequencies / shift.lowpass) ** (2 * STEEP))
    return np.asarray(gain)


def unwanted(
    sources: np.ndarray, weights: np.ndarray, shift: Shift, *, rate: int, rng: np.random.Generator
) -> np.ndarray | None:
    """What a mixture of sources [N, T] has beside them, divided among them: float32 [N, T]; None for nothing.

    The sum over n of `weights` alpha_n times it is in the mixture: each source's echo in a room, in which
    every source has a place of its own, and white noise relative to the mixture of the whole recording.
    """
    if shift.room is None and shift.noise is None:
        return None
    added = np.zeros(sources.shape)
    if shift.room is not None:
        length = max(2, int(shift.room * rate))
        decay = 10 ** (-3 * np.arange(length) / length)
        for index, source in enumerate(sources):
            echo = rng.standard_normal(length) * decay
            echo *= np.sqrt(ECHO / np.sum(echo**2))
            added[index, 1:] += fftconvolve(source, echo)[: sources.shape[1] - 1]
    if shift.noise is not None:
        power = np.mean((weights @ (sources + added)) ** 2) * 10 ** (-shift.noise / 10)
        added += rng.standard_normal(sources.shape) * np.sqrt(power / np.sum(weights**2))
    return np.asarray(added, dtype=np.float32)
