"""Training batches: what a step sees depends on that step's generator alone."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.data.audio.tracks import AudioLibrary, open_tracks
from lass.data.images.augmentation import augment
from lass.data.images.choices import distinct_rows
from lass.data.images.library import ImageLibrary, open_images
from lass.data.mixtures import mix
from lass.data.settings import (
    AudioLibrarySettings,
    Augmentation,
    ImageLibrarySettings,
    LibrarySettings,
    Mixing,
)


def open_batches(
    folder: Path,
    data: LibrarySettings,
    *,
    mixing: Mixing,
    batch: int,
    length: int | None,
    augmentation: Augmentation | None,
    device: torch.device,
) -> "AudioBatches | ImageBatches":
    """Batches for a codec of the sources in `folder` and of their mixtures.

    Audio is cut to `length` samples; some images are altered by `augmentation`.
    """
    match data:
        case AudioLibrarySettings():
            if length is None:
                raise ValueError(f"{folder}: batches of audio need the length of a crop (codec.crop)")
            library = open_tracks(folder, data, shortest=length)
            sources = mixing.sources or data.classes
            return AudioBatches(library, sources, mixing.weights, length=length, batch=batch, device=device)
        case ImageLibrarySettings():
            images = open_images(folder, data)
            return ImageBatches(images, mixing.weights, batch=batch, device=device, augmented=augmentation)


@dataclass(frozen=True)
class AudioBatches:
    """Crops for the VQ-VAE: each is one of the N sources or a mixture of sources from unrelated places."""

    library: AudioLibrary
    sources: Sequence[str]  # class of every source, N; they may repeat
    weights: Sequence[float]  # alpha [N]
    length: int  # samples
    batch: int
    device: torch.device

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Waveforms [B, T] float32."""
        items = np.stack([self.item(rng) for _ in range(self.batch)])
        return torch.from_numpy(items).to(self.device)

    def item(self, rng: np.random.Generator) -> np.ndarray:
        """One waveform [T]: sources and mixtures have equal chances."""
        chosen = int(rng.integers(len(self.sources) + 1))
        if chosen < len(self.sources):
            return self.library.crop(rng, self.length, self.sources[chosen])
        return mix(self.library.unrelated(rng, self.length, self.sources), np.asarray(self.weights))

    def fixed(self, seed: int, *, batches: int) -> list[Tensor]:
        """The same `batches` batches every time, for validation."""
        rng = generator(seed, "validation")
        return [self.draw(rng) for _ in range(batches)]


@dataclass(frozen=True)
class MixtureBatches:
    """Mixtures of sources from unrelated places with their addends: what supervised networks learn from."""

    library: AudioLibrary
    sources: Sequence[str]  # class of every source, N; they may repeat
    weights: Sequence[float]  # alpha [N]
    length: int  # samples
    batch: int
    device: torch.device

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Mixtures y [B, T] and their addends alpha_n x_n [B, N, T], float32."""
        addends = torch.from_numpy(np.stack([self.item(rng) for _ in range(self.batch)])).to(self.device)
        return addends.sum(dim=1), addends

    def item(self, rng: np.random.Generator) -> np.ndarray:
        """Addends [N, T] of one mixture."""
        sources = self.library.unrelated(rng, self.length, self.sources)
        return np.asarray(sources * np.asarray(self.weights)[:, None], dtype=np.float32)

    def fixed(self, seed: int, *, batches: int) -> list[tuple[Tensor, Tensor]]:
        """The same `batches` batches every time, for validation."""
        rng = generator(seed, "validation")
        return [self.draw(rng) for _ in range(batches)]


class Labelling(Protocol):
    """What labels of mixtures ask of a codec."""

    @property
    def device(self) -> torch.device:
        """Where the codec is."""

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of data points [B, T]."""

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""


@dataclass(frozen=True)
class LabelledBatches:
    """Mixtures with their latents and the codes of their sources: what the learned likelihood learns from."""

    library: AudioLibrary
    codec: Labelling
    sources: Sequence[str]  # class of every source, N
    weights: Sequence[float]  # alpha [N]
    length: int  # samples
    batch: int
    related: float  # share of the mixtures whose sources are of one moment of one recording

    @torch.no_grad()
    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Mixtures y [B, T], their latents [B, S, C], and the codes of their sources [B, N, S]."""
        sources = torch.from_numpy(np.stack([self.item(rng) for _ in range(self.batch)])).to(
            self.codec.device
        )
        weights = torch.tensor(self.weights, dtype=torch.float32, device=self.codec.device)
        mixtures = (weights[:, None] * sources).sum(dim=1)
        codes = self.codec.encode(sources.flatten(0, 1)).unflatten(0, sources.shape[:2])
        return mixtures, self.codec.latents(mixtures), codes

    def item(self, rng: np.random.Generator) -> np.ndarray:
        """Sources [N, T] of one mixture."""
        cut = self.library.related if rng.random() < self.related else self.library.unrelated
        return cut(rng, self.length, self.sources)

    def fixed(self, seed: int, *, batches: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The same `batches` batches every time, for validation."""
        rng = generator(seed, "validation")
        return [self.draw(rng) for _ in range(batches)]


@dataclass(frozen=True)
class ImageBatches:
    """Images for the VQ-VAE: two thirds are sources, half of which are augmented, one third are mixtures."""

    library: ImageLibrary
    weights: Sequence[float]  # alpha [N]
    batch: int
    device: torch.device
    augmented: Augmentation | None = None  # how those are altered that are

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Images [B, T] float32; what is mixed is not augmented, and no image is mixed with itself."""
        rows = distinct_rows(rng, images=len(self.library), count=self.batch, sources=len(self.weights))
        mixed = rng.random(self.batch) < 1 / 3
        turned = (rng.random(self.batch) < 1 / 2) & ~mixed
        items = self.library.read_rows(rows[:, 0])
        parts = self.library.read_rows(rows[mixed].ravel()).reshape(-1, len(self.weights), items.shape[1])
        items[mixed] = mix(parts, np.asarray(self.weights))
        if self.augmented is not None:
            sources = torch.from_numpy(items[turned])
            items[turned] = augment(
                sources, image=self.library.image, rng=rng, settings=self.augmented
            ).numpy()
        return torch.from_numpy(items).to(self.device)

    def fixed(self, seed: int, *, batches: int) -> list[Tensor]:
        """The same `batches` batches every time, for validation."""
        rng = generator(seed, "validation")
        return [self.draw(rng) for _ in range(batches)]


@dataclass(frozen=True)
class CodeBatches:
    """Windows of code sequences for a prior, with the index of their class."""

    sequences: Sequence[Mapping[str, np.ndarray]]  # per class: track -> codes [S_track]
    length: int  # tokens
    batch: int
    device: torch.device
    conditional: bool = True  # False: all classes have index 0, for a prior that is not told them apart

    def __post_init__(self) -> None:
        """Refuse classes without a sequence that is long enough."""
        for index, tracks in enumerate(self.sequences):
            if not any(len(codes) >= self.length for codes in tracks.values()):
                raise ValueError(
                    f"class {index}: none of {len(tracks)} sequences has {self.length} tokens: shorten "
                    "mixtures.seconds or give longer tracks"
                )

    @property
    def digest(self) -> str:
        """Hash of all codes and of the length of a window."""
        parts = hashlib.sha256(str(self.length).encode())
        for index, tracks in enumerate(self.sequences):
            for name, codes in tracks.items():
                parts.update(f"{index}/{name}/".encode() + codes.tobytes())
        return parts.hexdigest()[:16]

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Codes [B, S] and class indices [B], both int64."""
        classes = rng.integers(len(self.sequences), size=self.batch)
        windows = np.stack([self.window(int(index), rng) for index in classes])
        return torch.from_numpy(windows).to(self.device), self.told(torch.from_numpy(classes))

    def told(self, classes: Tensor) -> Tensor:
        """Class indices [B] as the network is to see them."""
        return (classes if self.conditional else torch.zeros_like(classes)).to(self.device)

    @cached_property
    def rows(self) -> list[list[np.ndarray]]:
        """Per class: the sequences that are long enough."""
        return [
            [codes for codes in tracks.values() if len(codes) >= self.length] for tracks in self.sequences
        ]

    @cached_property
    def places(self) -> list[np.ndarray]:
        """Per class: how many places for a window the sequences in `rows` up to each one have."""
        return [np.cumsum([len(codes) - self.length + 1 for codes in rows]) for rows in self.rows]

    def window(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """`length` codes at a random place of class `index`: all places of all tracks are as likely."""
        places = self.places[index]
        place = int(rng.integers(places[-1]))
        row = int(np.searchsorted(places, place, side="right"))
        start = place - int(places[row - 1] if row else 0)
        return self.rows[index][row][start : start + self.length]

    def tiled(self, limit: int) -> list[tuple[Tensor, Tensor]]:
        """Batches of at most `limit` windows in all, evenly spread over the tracks: the same every time."""
        rows = [(codes, index) for index, rows in enumerate(self.rows) for codes in rows]
        ends = np.cumsum([len(codes) // self.length for codes, _ in rows])  # windows side by side
        windows, classes = [], []
        for number in range(0, int(ends[-1]), max(1, -(-int(ends[-1]) // limit))):
            row = int(np.searchsorted(ends, number, side="right"))
            codes, index = rows[row]
            start = (number - int(ends[row - 1] if row else 0)) * self.length
            windows.append(codes[start : start + self.length])
            classes.append(index)
        stacked = torch.from_numpy(np.stack(windows)).to(self.device)
        told = self.told(torch.tensor(classes))
        return list(zip(stacked.split(self.batch), told.split(self.batch), strict=True))
