"""Separations of music to look at: spectrograms of what is true and of what was estimated."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from lass.evaluation.figures.drawing import new_figure, write_figure

WINDOW = 0.032  # seconds, in a power of two of samples
RANGE = 70.0  # dB from black to the brightest point of a source
CELL = (1.9, 0.8)  # inches of one spectrogram


def draw_spectrograms(
    mixtures: np.ndarray,
    sources: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    *,
    items: Sequence[int],
    classes: Sequence[str],
    rate: int,
    path: Path,
) -> None:
    """Draw spectrograms of M mixtures as a grid and write it to `path` as PNG.

    One column per mixture and source, one row for the mixtures y [M, T], one for the true sources [M, N, T]
    and one for each method's estimates [M, N, T] under its name; `items` are the numbers of the mixtures.
    Brightness is the level in dB, on one scale for a column. Raises ValueError for shapes that do not fit, or
    a `path` that does not end in .png.
    """
    count, number, frames = sources.shape
    if mixtures.shape != (count, frames) or (len(items), len(classes)) != (count, number):
        raise ValueError(
            f"mixtures are {mixtures.shape}, sources {sources.shape}, classes {list(classes)}: sizes differ"
        )
    for name, sounds in estimates.items():
        if sounds.shape != sources.shape:
            raise ValueError(f"estimates of {name!r} are {sounds.shape}, not {sources.shape}")
    rows = {"mixture": np.repeat(mixtures[:, None], number, axis=1), "true": sources, **estimates}
    figure = new_figure(1.1 + CELL[0] * count * number, 0.6 + CELL[1] * len(rows))
    grid = figure.subplots(len(rows), count * number, squeeze=False, sharex=True, sharey=True)
    extent = (0.0, frames / rate, 0.0, rate / 2000)
    for column, (item, source) in enumerate(np.ndindex(count, number)):
        top = levels(sources[item, source], rate).max()
        for line, (name, sounds) in enumerate(rows.items()):
            axes, picture = grid[line, column], levels(sounds[item, source], rate)
            axes.imshow(
                picture,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=top - RANGE,
                vmax=top,
                cmap="magma",
            )
            if column == 0:
                axes.set_ylabel(name, rotation=0, ha="right", va="center")
            if line == 0:
                axes.set_title(f"{classes[source]} of mixture {items[item]}", fontsize=9)
            axes.set_yticks([])
    for axes in grid[-1]:
        axes.set_xlabel(f"seconds (0 to {rate / 2000:g} kHz)", fontsize=8)
    write_figure(figure, path=path)


def levels(sound: np.ndarray, rate: int) -> NDArray[np.float64]:
    """Levels in dB [frequencies, frames] of the short-time Fourier transform of a waveform [T]."""
    size = 2 ** round(np.log2(WINDOW * rate))
    transform = ShortTimeFFT(hann(size, sym=False), hop=size // 4, fs=rate)
    return np.asarray(20 * np.log10(np.abs(transform.stft(sound.astype(np.float64))) + 1e-9))
