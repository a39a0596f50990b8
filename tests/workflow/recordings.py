"""Recordings that a test lays out as a user would: tones that come and go, a range for each class."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.data.packages import sound, write_package

RATE = 8000
SPLITS = ("train", "validation", "test")
LOWEST = {
    "drums": 400.0,
    "bass": 80.0,
    "other": 600.0,
    "vocals": 200.0,
    "speech": 150.0,
    "hum": 60.0,
    "hiss": 1000.0,
}
"""Hz, of the tones of a class."""


def tones(name: str, number: int, *, seconds: float) -> np.ndarray:
    """A melody [T] float32 of notes of a quarter of a second, with two overtones; never silent."""
    rng = np.random.default_rng([number, *name.encode()])
    length = RATE // 4
    time = np.arange(length) / RATE
    notes = []
    for step in rng.integers(0, 8, size=round(4 * seconds)):
        pitch = LOWEST[name] * 2 ** (step / 12)
        note = sum(np.sin(2 * np.pi * pitch * (k + 1) * time) / (k + 1) for k in range(3))
        notes.append(0.3 * note * np.exp(-2 * time))
    return np.concatenate(notes).astype(np.float32)


def write_songs(root: Path, **songs: int) -> None:
    """Songs in the layout of MUSDB18-HQ: stereo, `mixture.wav` beside the stems; so many of each split."""
    for split, count in songs.items():
        for number in range(count):
            home = root / split / f"Some Band - Song {number}"
            home.mkdir(parents=True)
            seed = number + 100 * len(split)
            stems = {name: tones(name, seed, seconds=6) for name in ("drums", "bass", "other", "vocals")}
            stems["mixture"] = np.sum(list(stems.values()), axis=0)
            for name, samples in stems.items():
                stereo = np.stack([samples, 0.5 * samples], axis=-1)
                soundfile.write(home / f"{name}.wav", stereo, RATE, subtype="FLOAT")


def write_recordings(root: Path, *classes: str, **counts: int) -> None:
    """Recordings of one class each, some in folders of their own; so many of each class and split."""
    for split, count in counts.items():
        for name in classes:
            for number in range(count):
                home = root / split / name / ("first" if number % 2 else "")
                home.mkdir(parents=True, exist_ok=True)
                samples = tones(name, number + 100 * len(split), seconds=3 + 0.5 * (number % 3))
                soundfile.write(home / f"{number:02d}.wav", samples, RATE, subtype="PCM_16")


def write_packages(root: Path, *classes: str, **counts: int) -> dict[str, Any]:
    """A package of every class, with so many recordings of each split, and the section `packages`."""
    for name in classes:
        write_package(
            root,
            name,
            {
                f"usr/share/{split}/{number}.wav": sound(
                    tones(name, number + 100 * len(split), seconds=1.5), RATE
                )
                for split, count in counts.items()
                for number in range(count)
            },
        )
    return {
        "classes": {
            name: [
                {"package": name, "voice": name, "split": split, "files": [f"*/{split}/*.wav"]}
                for split in SPLITS
            ]
            for name in classes
        },
        "seconds": 3.0,
    }
