"""The library of a split's sources: lengths, places, and files that do not belong in it."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.audio.files import write_audio
from lass.data.audio.tracks import SourceLibrary, open_library

CLASSES = ("drums", "bass")


def ramps(folder: Path, **frames: int) -> None:
    """Tracks whose sample t is t / 1000 in the first channel and its negative in the second."""
    for name, length in frames.items():
        ramp = np.arange(length, dtype=np.float32) / 1000
        write_audio(folder / f"{name}.wav", np.stack([ramp, -ramp]), rate=8000)


def library(folder: Path, *, shortest: int = 1) -> SourceLibrary:
    return open_library(folder, rate=8000, classes=CLASSES, shortest=shortest)


def test_tracks_in_order_with_their_lengths(tmp_path: Path) -> None:
    ramps(tmp_path, b=30, a=20, c=10)
    (tmp_path / "notes.txt").write_text("no track")
    assert library(tmp_path).frames == {"a": 20, "b": 30, "c": 10}
    assert library(tmp_path).tracks == ["a", "b", "c"]
    assert library(tmp_path, shortest=20).tracks == ["a", "b"]


def test_read_a_part(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    part = library(tmp_path).read("a", start=5, frames=3)
    np.testing.assert_array_equal(part, np.array([[5, 6, 7], [-5, -6, -7]], dtype=np.float32) / 1000)
    assert library(tmp_path).read("a").shape == (2, 20)
    with pytest.raises(ValueError, match=r"a\.wav, which has 20"):
        library(tmp_path).read("a", start=18, frames=3)


def test_crops_come_from_every_place_alike(tmp_path: Path) -> None:
    ramps(tmp_path, a=11, b=13, short=9)  # crops of 10 start at 0, 1 in a and at 0..3 in b
    sources, rng = library(tmp_path), np.random.default_rng(0)
    seen = np.zeros((2, 4))
    for _ in range(600):
        crop = sources.crop(rng, 10)
        assert crop.shape == (2, 10)
        np.testing.assert_array_equal(crop[1], -crop[0])
        seen[0, round(crop[0, 0] * 1000)] += 1
    counts = seen[0]
    # starts 0 and 1 exist in both tracks, 2 and 3 in b alone: shares 2/6, 2/6, 1/6, 1/6
    np.testing.assert_allclose(counts / 600, [1 / 3, 1 / 3, 1 / 6, 1 / 6], atol=0.06)


def test_crops_depend_on_the_generator_alone(tmp_path: Path) -> None:
    ramps(tmp_path, a=50, b=60)
    one, two = (library(tmp_path).crop(np.random.default_rng(3), 10) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="no track of 61 samples"):
        library(tmp_path).crop(np.random.default_rng(0), 61)


def test_files_that_do_not_belong(tmp_path: Path) -> None:
    ramps(tmp_path, a=20)
    with pytest.raises(ValueError, match=r"a\.wav: 2 channels at 8000 Hz, but 2 .* at 16000 Hz are needed"):
        open_library(tmp_path, rate=16_000, classes=CLASSES)
    with pytest.raises(ValueError, match=r"a\.wav: 2 channels at 8000 Hz, but 3 \(a, b, c\)"):
        open_library(tmp_path, rate=8000, classes=("a", "b", "c"))
    (tmp_path / "b.wav").write_bytes(b"no audio")
    with pytest.raises(ValueError, match=r"b\.wav is damaged"):
        library(tmp_path)


def test_folder_without_tracks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no track of at least 1 samples"):
        library(tmp_path)
    ramps(tmp_path, a=20)
    with pytest.raises(ValueError, match="no track of at least 21 samples"):
        library(tmp_path, shortest=21)


def test_truncated_track(tmp_path: Path) -> None:
    ramps(tmp_path, a=2000)
    path = tmp_path / "a.wav"
    path.write_bytes(path.read_bytes()[:-800])
    with pytest.raises(ValueError, match=r"a\.wav ends after"):
        library(tmp_path).read("a", frames=10)
