"""Separations of audio: spectrograms of what is true and of what was estimated, and files to listen to."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from lass.evaluation.figures.drawing import new_figure, write_figure
from lass.evaluation.separations import Array, Embedded, Separations
from lass.writing import written_aside

WINDOW = 0.032  # seconds, in a power of two of samples
RANGE = 70.0  # dB from black to the brightest point of a source
CELL = (1.9, 0.8)  # inches of one spectrogram
SMALL = (96, 400)  # most rows and columns of a spectrogram in a page
COLOURS = "magma"


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
                axes.imshow(picture, origin="lower", aspect="auto", extent=extent, cmap=COLOURS, **shown)
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
        for name, sound in self._encode(parts).items():
            with written_aside(folder / f"{name}.flac") as aside:
                aside.write_bytes(sound)

    def embed(self, parts: Mapping[str, Array]) -> dict[str, Embedded]:
        """Sounds [T] as `export` writes them, each with a small spectrogram; brightness on one scale.

        FLAC because every browser plays it at every rate, and because what is heard is then the method's:
        Opus adds losses of its own, knows five rates only and its files differ from call to call.
        """
        pictures = {name: smaller(levels(sound, self.rate)) for name, sound in parts.items()}
        top = max(float(picture.max()) for picture in pictures.values())
        return {
            name: Embedded(coloured(pictures[name], top=top), sound, len(parts[name]) / self.rate)
            for name, sound in self._encode(parts).items()
        }

    def _encode(self, parts: Mapping[str, Array]) -> dict[str, bytes]:
        """Sounds [T] as FLAC of 16 bits; where one exceeds full scale, all are made quieter."""
        loudest = max(1.0, *(float(np.abs(sound).max()) for sound in parts.values()))
        encoded = {}
        for name, sound in parts.items():
            file = io.BytesIO()
            soundfile.write(file, sound / loudest, self.rate, subtype="PCM_16", format="FLAC")
            encoded[name] = file.getvalue()
        return encoded


def levels(sound: np.ndarray, rate: int) -> NDArray[np.float64]:
    """Levels in dB [frequencies, frames] of the short-time Fourier transform of a waveform [T]."""
    # It takes a second, and jobs that score or tabulate show no spectrogram.
    from scipy.signal import ShortTimeFFT  # noqa: PLC0415
    from scipy.signal.windows import hann  # noqa: PLC0415

    size = 2 ** round(np.log2(WINDOW * rate))
    transform = ShortTimeFFT(hann(size, sym=False), hop=size // 4, fs=rate)
    return np.asarray(20 * np.log10(np.abs(transform.stft(sound.astype(np.float64))) + 1e-9))


def smaller(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels in dB [frequencies, frames], the loudest of neighbours kept, so that they fit into SMALL."""
    rows, columns = (-(-size // most) for size, most in zip(picture.shape, SMALL, strict=True))
    padding = [(0, -size % step) for size, step in zip(picture.shape, (rows, columns), strict=True)]
    padded = np.pad(picture, padding, mode="edge")
    high, wide = padded.shape[0] // rows, padded.shape[1] // columns
    return np.asarray(padded.reshape(high, rows, wide, columns).max(axis=(1, 3)))


def coloured(picture: NDArray[np.float64], *, top: float) -> bytes:
    """Levels in dB [frequencies, frames] as PNG, low frequencies below; `top` is the brightest, in dB."""
    import matplotlib as mpl  # noqa: PLC0415 (as above)

    shades = np.clip((picture - top) / RANGE + 1, 0, 1)
    image = Image.fromarray((shades[::-1] * 63).round().astype(np.uint8) * 4)  # fewer shades, smaller files
    image = image.convert("P")
    palette = mpl.colormaps[COLOURS](np.arange(256), bytes=True)[:, :3]
    image.putpalette(palette.ravel().tolist())
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()
