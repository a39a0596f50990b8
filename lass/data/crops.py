"""Sources alone, with the index of their class: what denoisers learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.data.audio.tracks import AudioLibrary, open_tracks
from lass.data.images.library import ImageLibrary, open_images
from lass.data.settings import AudioLibrarySettings, LibrarySettings


@dataclass(frozen=True, eq=False)
class AudioCrops:
    """Crops of the sources of `classes` from any place, silence in its natural share."""

    library: AudioLibrary
    classes: Sequence[str]
    length: int  # samples
    batch: int
    gain: float = 0.0  # dB by which crops are made louder or softer at most; with it, of either sign

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Waveforms [B, T] float32, and the indices of their classes [B]; each class is as likely."""
        indices = rng.integers(len(self.classes), size=self.batch)
        crops = np.stack([self.library.crop(rng, self.length, self.classes[index]) for index in indices])
        if self.gain:
            factors = 10 ** (rng.uniform(-self.gain, self.gain, size=(self.batch, 1)) / 20)
            crops = crops * (factors * rng.choice([-1.0, 1.0], size=(self.batch, 1)))
        return torch.from_numpy(crops.astype(np.float32)), torch.from_numpy(indices)


@dataclass(frozen=True, eq=False)
class ImageCrops:
    """Whole images of `classes`, all of them as likely."""

    library: ImageLibrary
    classes: Sequence[str]
    batch: int

    def __post_init__(self) -> None:
        """Refuse classes without an image."""
        if not len(self.rows):
            raise ValueError(f"no image is of {', '.join(self.classes)}: give some, or other classes")

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, T] float32, and the indices of their classes [B]."""
        rows = self.rows[rng.integers(len(self.rows), size=self.batch)]
        images = torch.from_numpy(self.library.read_rows(rows))
        return images, torch.from_numpy(self.index_of[self.library.labels[rows]])

    @cached_property
    def index_of(self) -> np.ndarray:
        """Per class of the library: its index here, or -1."""
        names = list(self.classes)
        return np.array([names.index(name) if name in names else -1 for name in self.library.classes])

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the library's images that are of these classes."""
        return np.flatnonzero(self.index_of[self.library.labels] >= 0)


Crops = AudioCrops | ImageCrops


def open_crops(
    folder: Path, data: LibrarySettings, *, classes: Sequence[str], batch: int, length: int, gain: float
) -> Crops:
    """The sources of `classes` in `folder`: audio is cut to `length` samples, images are taken whole."""
    if isinstance(data, AudioLibrarySettings):
        return AudioCrops(open_tracks(folder, data, shortest=length), classes, length, batch, gain)
    return ImageCrops(open_images(folder, data), classes, batch)


def fixed(crops: Crops, seed: int, *, batches: int) -> list[tuple[Tensor, Tensor]]:
    """The same `batches` batches every time, for validation."""
    rng = generator(seed, "validation")
    return [crops.draw(rng) for _ in range(batches)]


def examples(crops: Crops, seed: int, *, count: int) -> tuple[Tensor, Tensor]:
    """About `count` sources [n, T], by which the data are measured, and the indices of their classes [n]."""
    rng = generator(seed, "examples")
    parts = [crops.draw(rng) for _ in range(-(-count // crops.batch))]
    sources, classes = zip(*parts, strict=True)
    return torch.cat(sources), torch.cat(classes)


def moved(batch: tuple[Tensor, Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Sources and the indices of their classes on a device."""
    sources, classes = batch
    return sources.to(device), classes.to(device)
