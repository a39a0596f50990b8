"""Training batches: what a step sees depends on that step's generator alone."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.data.mixtures import mix
from lass.data.sources import SourceLibrary


@dataclass(frozen=True)
class AudioBatches:
    """Crops for the VQ-VAE: each is one of the N sources or a mixture of sources from unrelated places."""

    library: SourceLibrary
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
        sources = len(self.library.classes)
        chosen = int(rng.integers(sources + 1))
        if chosen < sources:
            crop: np.ndarray = self.library.crop(rng, self.length)[chosen]
            return crop
        parts = np.stack([self.library.crop(rng, self.length)[n] for n in range(sources)])
        return mix(parts, np.asarray(self.weights))

    def fixed(self, seed: int, *, batches: int) -> list[Tensor]:
        """The same `batches` batches every time, for validation."""
        rng = np.random.default_rng(seed)
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

    def window(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """`length` codes at a random place of class `index`: all places of all tracks are as likely."""
        rows = [codes for codes in self.sequences[index].values() if len(codes) >= self.length]
        places = np.cumsum([len(codes) - self.length + 1 for codes in rows])
        place = int(rng.integers(places[-1]))
        row = int(np.searchsorted(places, place, side="right"))
        start = place - int(places[row - 1] if row else 0)
        return rows[row][start : start + self.length]

    def tiled(self, limit: int) -> list[tuple[Tensor, Tensor]]:
        """Batches of at most `limit` windows in all, evenly spread over the tracks: the same every time."""
        windows = [
            (codes[start : start + self.length], index)
            for index, tracks in enumerate(self.sequences)
            for codes in tracks.values()
            for start in range(0, len(codes) - self.length + 1, self.length)
        ]
        chosen = windows[:: max(1, -(-len(windows) // limit))]
        codes = torch.from_numpy(np.stack([window for window, _ in chosen])).to(self.device)
        classes = self.told(torch.tensor([index for _, index in chosen]))
        return list(zip(codes.split(self.batch), classes.split(self.batch), strict=True))
