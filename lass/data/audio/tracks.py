"""The sources of a split at the model's rate: one file per track, one channel per source class."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from lass.data.audio.files import read_audio


@dataclass(frozen=True)
class SourceLibrary:
    """Tracks of one split, read on demand: nothing is held in memory but names and lengths."""

    folder: Path
    rate: int  # Hz
    classes: tuple[str, ...]  # the N source classes, in channel order
    frames: dict[str, int]  # track -> samples

    @property
    def tracks(self) -> list[str]:
        """Track names in order."""
        return list(self.frames)

    @property
    def digest(self) -> str:
        """Hash of rate, classes, names, lengths and every track's first second: other audio, other hash."""
        parts = hashlib.sha256(repr((self.rate, self.classes, sorted(self.frames.items()))).encode())
        for track, frames in sorted(self.frames.items()):
            parts.update(self.read(track, frames=min(frames, self.rate)).tobytes())
        return parts.hexdigest()[:16]

    def read(self, track: str, *, start: int = 0, frames: int | None = None) -> np.ndarray:
        """Sources [N, T] float32 of `frames` samples of `track` from sample `start`."""
        return read_audio(self.folder / f"{track}.wav", rate=self.rate, start=start, frames=frames)

    def crop(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Sources [N, length] at a random place of a random track; a longer track is chosen more often."""
        names = [name for name, frames in self.frames.items() if frames >= length]
        if not names:
            raise ValueError(
                f"{self.folder}: no track of {length} samples; ask for less or add longer tracks"
            )
        weights = np.array([self.frames[name] for name in names]) - length + 1.0
        track = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        start = int(rng.integers(self.frames[track] - length + 1))
        return self.read(track, start=start, frames=length)

    def unrelated(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Sources [N, length], each from a random place of its own."""
        return np.stack([self.crop(rng, length)[n] for n in range(len(self.classes))])


def open_library(folder: Path, *, rate: int, classes: Sequence[str], shortest: int = 1) -> SourceLibrary:
    """The library in `folder`; ValueError for a damaged file or another rate or number of channels.

    Tracks under `shortest` samples are passed over; a folder without any longer one is an error.
    """
    frames = {}
    for path in sorted(folder.glob("*.wav")):
        try:
            info = soundfile.info(str(path))
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise ValueError(
                f"{path} is damaged or no audio file ({error}): delete the folder and extract anew"
            ) from error
        if info.samplerate != rate or info.channels != len(classes):
            raise ValueError(
                f"{path}: {info.channels} channels at {info.samplerate} Hz, but {len(classes)} "
                f"({', '.join(classes)}) at {rate} Hz are needed: delete the folder and extract anew"
            )
        if info.frames >= shortest:
            frames[path.stem] = info.frames
    if not frames:
        raise ValueError(
            f"{folder}: no track of at least {shortest} samples; give the split longer or more tracks"
        )
    return SourceLibrary(folder, rate, tuple(classes), frames)
