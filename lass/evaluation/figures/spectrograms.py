"""Separations of audio: spectrograms of what is true and of what was estimated, and files to listen to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from lass.evaluation.figures.drawing import new_figure, write_figure
from lass.evaluation.separations import Array, Separations
from lass.storage import written_aside

WINDOW = 0.032  # seconds, in a power of two of samples
RANGE = 70.0  # dB from black to the brightest point of a source
CELL = (1.9, 0.8)  # inches of one spectrogram


@dataclass(frozen=True)
class Sounds:
    """Waveforms of `rate` Hz; a source is T samples."""

    rate: int

    def draw(self, separations: Separations, *, path: Path) -> None:
        """Draw spectrograms of the mixtures as a grid and write it to `path` as PNG.

        One column per mixture and source, one row for the mixtures, one for the true sources and one for each
        method's estimates under its name. Brightness is the level in dB, on one scale for a column. Raises
        ValueError for a `path` that does not end in .png.
        """
        sources = separations.sources
        count, number, frames = sources.shape
        mixtures = np.repeat(separations.mixtures[:, None], number, axis=1)
        rows = {"mixture": mixtures, "true": sources, **separations.estimates}
        figure = new_figure(1.1 + CELL[0] * count * number, 0.6 + CELL[1] * len(rows))
        grid = figure.subplots(len(rows), count * number, squeeze=False, sharex=True, sharey=True)
        extent = (0.0, frames / self.rate, 0.0, self.rate / 2000)
        for column, (item, source) in enumerate(np.ndindex(count, number)):
            top = levels(sources[item, source], self.rate).max()
            for axes, sounds in zip(grid[:, column], rows.values(), strict=True):
                picture, shown = levels(sounds[item, source], self.rate), {"vmin": top - RANGE, "vmax": top}
                axes.imshow(picture, origin="lower", aspect="auto", extent=extent, cmap="magma", **shown)
                axes.set_yticks([])
            name = separations.classes[item][source]
            grid[0, column].set_title(f"{name} of mixture {separations.items[item]}", fontsize=9)
        for axes, name in zip(grid[:, 0], rows, strict=True):
            axes.set_ylabel(name, rotation=0, ha="right", va="center")
        for axes in grid[-1]:
            axes.set_xlabel(f"seconds (0 to {self.rate / 2000:g} kHz)", fontsize=8)
        write_figure(figure, path=path)

    def export(self, parts: Mapping[str, Array], *, folder: Path) -> None:
        """Write sounds [T] as FLAC files of 16 bits; where one exceeds full scale, all are made quieter."""
        loudest = max(1.0, *(float(np.abs(sound).max()) for sound in parts.values()))
        for name, sound in parts.items():
            with written_aside(folder / f"{name}.flac") as aside:
                soundfile.write(aside, sound / loudest, self.rate, subtype="PCM_16", format="FLAC")


def levels(sound: np.ndarray, rate: int) -> NDArray[np.float64]:
    """Levels in dB [frequencies, frames] of the short-time Fourier transform of a waveform [T]."""
    # It takes a second, and jobs that score or tabulate show no spectrogram.
    from scipy.signal import ShortTimeFFT  # noqa: PLC0415
    from scipy.signal.windows import hann  # noqa: PLC0415

    size = 2 ** round(np.log2(WINDOW * rate))
    transform = ShortTimeFFT(hann(size, sym=False), hop=size // 4, fs=rate)
    return np.asarray(20 * np.log10(np.abs(transform.stft(sound.astype(np.float64))) + 1e-9))
