"""Alters stems at random, as recordings differ that were not made alike.

A network that has heard one synthesiser knows that synthesiser. These are the differences that a mixing desk,
an amplifier, a room and a microphone make; every strength is drawn anew for every stem.
"""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from lass.songs.settings import Alterations

_FRAME = 0.005  # seconds in which a compressor does not change its mind
_RELEASE = 0.1  # seconds in which it lets go


def alter(audio: np.ndarray, settings: Alterations, *, rate: int, rng: np.random.Generator) -> np.ndarray:
    """The stem [T] through a chain of effects, each of a random strength; float32 [T], the same for one rng.

    The order is that of a recording: the instrument's amplifier distorts, a microphone in a room colours, the
    desk compresses and equalises, and every part of the chain hisses. Loudness is left to the caller.
    """
    if not audio.any():
        return audio
    altered = audio.astype(np.float64) / np.abs(audio).max()
    chance = settings.chance
    if rng.random() < chance:
        altered = distorted(altered, float(rng.uniform(0, settings.drive)))
    if rng.random() < chance:
        decay, wet = float(rng.uniform(0.05, settings.room)), float(rng.uniform(0.02, settings.wet))
        altered = in_a_room(altered, decay=decay, wet=wet, rate=rate, rng=rng)
    if rng.random() < chance:
        ratio, below = float(rng.uniform(1, settings.ratio)), float(rng.uniform(6, 24))
        altered = compressed(altered, ratio=ratio, below=below, rate=rate)
    altered = equalised(altered, settings.equaliser, rate=rate, rng=rng)
    if rng.random() < chance:
        corner = float(np.exp(rng.uniform(np.log(settings.lowest_cut), np.log(0.45 * rate))))
        altered = sosfilt(butter(2, corner, fs=rate, output="sos"), altered)
    if rng.random() < chance:
        hiss = rng.standard_normal(len(altered)) * np.sqrt(np.mean(altered**2))
        altered = altered + hiss * 10 ** (-float(rng.uniform(settings.noise, settings.noise + 30)) / 20)
    return np.asarray(altered, dtype=np.float32)


def distorted(audio: np.ndarray, drive: float) -> np.ndarray:
    """The sound, of peak 1, into a soft limit that it passes by `drive` dB."""
    gain = 10 ** (drive / 20)
    return np.asarray(np.tanh(audio * gain) / np.tanh(gain))


def in_a_room(
    audio: np.ndarray, *, decay: float, wet: float, rate: int, rng: np.random.Generator
) -> np.ndarray:
    """The sound and `wet` times as much of a room that falls by 60 dB in `decay` seconds."""
    length = max(2, int(decay * rate))
    echo = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    dull = sosfilt(butter(1, float(rng.uniform(1_500, 8_000)), fs=rate, output="sos"), echo)
    delay = int(rng.uniform(0, 0.02) * rate)
    reverberant = fftconvolve(audio, dull / np.sqrt(np.sum(dull**2)))[: len(audio) - delay]
    altered = audio.copy()
    altered[delay:] += wet * reverberant[: len(audio) - delay]
    return altered


def compressed(audio: np.ndarray, *, ratio: float, below: float, rate: int) -> np.ndarray:
    """What is louder than `below` dB under the peak rises by a `ratio`-th only.

    Attack is as short as a frame; the gain comes back within a tenth of a second.
    """
    frame = int(_FRAME * rate)
    count = -(-len(audio) // frame)
    level = np.abs(np.pad(audio, (0, count * frame - len(audio)))).reshape(count, frame).max(axis=1)
    fall, held = np.exp(-_FRAME / _RELEASE), 0.0
    for index, now in enumerate(level):
        held = max(float(now), held * fall)
        level[index] = held
    over = np.maximum(20 * np.log10(level + 1e-9) - (20 * np.log10(level.max() + 1e-9) - below), 0)
    gain = 10 ** (-over * (1 - 1 / ratio) / 20)
    centres = (np.arange(count) + 0.5) * frame
    return np.asarray(audio * np.interp(np.arange(len(audio)), centres, gain))


def equalised(audio: np.ndarray, most: float, *, rate: int, rng: np.random.Generator) -> np.ndarray:
    """The sound through a smooth curve of gains within `most` dB, drawn at seven frequencies.

    The curve is a filter of linear phase, a straight line in dB over the logarithm of the frequency between
    frequencies a bit more than an octave apart.
    """
    knots = np.array([40.0, 100, 250, 630, 1_600, 4_000, 10_000])
    gains = rng.uniform(-most, most, size=len(knots)) * rng.uniform(0, 1)
    taps = 1 << int(np.ceil(np.log2(rate / 20)))
    frequencies = np.fft.rfftfreq(taps, 1 / rate)
    curve = np.interp(np.log(np.maximum(frequencies, 1)), np.log(knots), gains)
    response = np.fft.fftshift(np.fft.irfft(10 ** (curve / 20))) * np.hanning(taps)
    return np.asarray(fftconvolve(audio, response)[taps // 2 : taps // 2 + len(audio)])
