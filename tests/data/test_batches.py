"""Training batches: crops, mixtures and windows with the chances that they should have."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.data.batches import (
    AudioBatches,
    CodeBatches,
    ImageBatches,
    LabelledBatches,
    MixtureBatches,
    open_batches,
)
from lass.data.images.library import FILE, ImageLibrary, write_images
from lass.data.settings import AudioLibrarySettings, Augmentation, ImageLibrarySettings, Mixing
from tests.data.sources import write_library

CPU = torch.device("cpu")
LEVELS = (2, 7, 20, 61, 130, 255)
TURNS = Augmentation(copies=1, rotation=20, scale=0.2, shear=0.2)
STILL = Augmentation(copies=1, rotation=0, scale=0, shear=0)


@pytest.fixture
def audio(tmp_path: Path) -> AudioBatches:
    """Drums are 1 everywhere, bass is 2: what a crop holds shows what it was made of."""
    lengths = {"a": 300, "b": 500}
    ones = {name: np.ones(length, dtype=np.float32) for name, length in lengths.items()}
    items = {name: {"drums": wave, "bass": 2 * wave} for name, wave in ones.items()}
    library = write_library(tmp_path / "songs", items, rate=8000)
    return AudioBatches(library, library.classes, weights=[0.25, 0.5], length=64, batch=16, device=CPU)


def codes(**lengths: int) -> dict[str, np.ndarray]:
    """Track -> codes 0, 1, 2, ...: a window's first code is its place."""
    return {name: np.arange(length) for name, length in lengths.items()}


def test_sources_and_mixtures_have_equal_chances(audio: AudioBatches) -> None:
    rng = np.random.default_rng(0)
    batches = torch.cat([audio.draw(rng) for _ in range(60)])
    assert batches.dtype == torch.float32
    assert batches.shape == (960, 64)
    assert torch.equal(batches, batches[:, :1].expand(-1, 64))
    # drums 1, bass 2, their mixture 0.25 * 1 + 0.5 * 2 = 1.25
    values, counts = batches[:, 0].unique(return_counts=True)
    assert values.tolist() == [1.0, 1.25, 2.0]
    np.testing.assert_allclose(counts / 960, [1 / 3] * 3, atol=0.06)


def test_a_step_depends_on_its_generator_alone(audio: AudioBatches) -> None:
    torch.testing.assert_close(
        audio.draw(np.random.default_rng(1)), audio.draw(np.random.default_rng(1)), rtol=0, atol=0
    )
    first, second = audio.fixed(3, batches=2), audio.fixed(3, batches=2)
    assert len(first) == 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_mixtures_come_with_their_addends(audio: AudioBatches) -> None:
    batches = MixtureBatches(audio.library, audio.sources, audio.weights, length=64, batch=3, device=CPU)
    mixtures, addends = batches.draw(np.random.default_rng(0))
    assert addends.dtype == mixtures.dtype == torch.float32
    assert addends.shape == (3, 2, 64)
    assert torch.equal(addends, torch.tensor([0.25, 1.0])[:, None].expand(3, 2, 64))
    assert torch.equal(mixtures, torch.full((3, 64), 1.25))
    (first,), (second,) = (batches.fixed(3, batches=1) for _ in range(2))
    assert torch.equal(first[0], second[0])


class Sums:
    """A codec whose code is a sample, and whose latent is twice that, every second sample."""

    device = CPU

    def encode(self, data: torch.Tensor) -> torch.Tensor:
        return data[:, ::2].long()

    def latents(self, data: torch.Tensor) -> torch.Tensor:
        return 2 * data[:, ::2, None]


@pytest.mark.parametrize(("related", "alike"), [(1.0, True), (0.0, False)])
def test_mixtures_come_with_the_codes_of_their_sources(tmp_path: Path, related: float, alike: bool) -> None:
    ramps = {name: np.arange(length, dtype=np.float32) for name, length in {"a": 300, "b": 500}.items()}
    songs = {name: {"drums": ramp, "bass": ramp} for name, ramp in ramps.items()}
    library = write_library(tmp_path / "ramps", songs | {"c": {"bass": ramps["b"]}}, rate=8000)
    batches = LabelledBatches(library, Sums(), library.classes, [0.25, 0.5], 64, 3, related)
    mixtures, latents, codes = batches.draw(np.random.default_rng(0))
    assert (mixtures.shape, latents.shape, codes.shape) == ((3, 64), (3, 32, 1), (3, 2, 32))
    torch.testing.assert_close(mixtures[:, ::2], 0.25 * codes[:, 0] + 0.5 * codes[:, 1])
    torch.testing.assert_close(latents[..., 0], 2 * mixtures[:, ::2])
    assert torch.equal(codes[:, 0], codes[:, 1]) == alike, "one moment of one song, or two"
    (first,), (second,) = (batches.fixed(3, batches=1) for _ in range(2))
    assert torch.equal(first[2], second[2])


def test_sources_that_no_recording_has_together(tmp_path: Path) -> None:
    wave = np.ones(100, dtype=np.float32)
    library = write_library(tmp_path / "songs", {"a": {"drums": wave}, "b": {"bass": wave}}, rate=8000)
    with pytest.raises(
        ValueError, match="no recording has drums, bass and 64 frames at once: mix unrelated places"
    ):
        library.related(np.random.default_rng(0), 64, ["drums", "bass"])


def test_recordings_of_one_class_each_are_mixed(tmp_path: Path) -> None:
    items = {
        f"{name}/{number}": {name: np.full(40 + number, level, dtype=np.float32)}
        for name, level in (("ann", 1.0), ("bob", 4.0))
        for number in range(2)
    }
    library = write_library(tmp_path / "speech", items, rate=8000)
    settings: dict[str, Any] = {"weights": [0.5, 0.25], "length": 40, "device": CPU}
    _, addends = MixtureBatches(library, ("bob", "ann"), batch=3, **settings).draw(np.random.default_rng(0))
    assert torch.equal(addends, torch.tensor([2.0, 0.25])[:, None].expand(3, 2, 40))
    batches = AudioBatches(library, ("bob", "bob"), batch=300, **settings)
    values, counts = batches.draw(np.random.default_rng(0))[:, 0].unique(return_counts=True)
    assert values.tolist() == [3.0, 4.0], "0.5 * 4 + 0.25 * 4, and bob alone"
    assert abs(counts[0] / 300 - 1 / 3) < 0.1


def test_batches_of_either(tmp_path: Path, audio: AudioBatches) -> None:
    settings: dict[str, Any] = {"mixing": Mixing(weights=(0.5, 0.5)), "batch": 4, "device": CPU}
    rng = np.random.default_rng(0)
    library = make_images().library
    write_images(tmp_path / "i" / FILE, library.pixels, library.labels, ("a",))
    images = ImageLibrarySettings(image=(1, 9, 9), classes=("a",))
    batches = open_batches(tmp_path / "i", images, length=None, augmentation=TURNS, **settings)
    assert batches.draw(rng).shape == (4, 81)
    music = AudioLibrarySettings(rate=8000, classes=("drums", "bass"))
    folder = audio.library.folder
    batches = open_batches(folder, music, length=20, augmentation=None, **settings)
    assert batches.draw(rng).shape == (4, 20)
    batches = open_batches(folder, music, length=301, augmentation=None, **settings)
    assert batches.library.items == ["b"], "recordings shorter than a crop are passed over"
    with pytest.raises(ValueError, match=r"length of a crop \(codec\.crop\)"):
        open_batches(folder, music, length=None, augmentation=None, **settings)


def test_windows_are_uniform_over_all_places() -> None:
    tracks = {"a": np.arange(10), "b": np.arange(100, 103), "short": np.arange(2)}
    batches = CodeBatches([tracks], length=3, batch=4, device=CPU)
    rng = np.random.default_rng(0)
    starts = [int(batches.window(0, rng)[0]) for _ in range(4500)]
    places, counts = np.unique(starts, return_counts=True)
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 100]
    assert abs(counts - 500).max() < 110  # five standard deviations


def test_classes_come_with_their_index() -> None:
    batches = CodeBatches(
        [{"a": np.zeros(20, dtype=np.int64)}, {"a": np.ones(30, dtype=np.int64)}],
        length=5,
        batch=64,
        device=CPU,
    )
    windows, classes = batches.draw(np.random.default_rng(0))
    assert windows.shape == (64, 5)
    assert (windows.dtype, classes.dtype) == (torch.int64, torch.int64)
    assert torch.equal(windows, classes[:, None].expand(-1, 5))
    assert 10 < int(classes.sum()) < 54


def test_an_unconditional_prior_is_not_told_the_classes() -> None:
    batches = CodeBatches([codes(a=10), codes(a=9)], length=3, batch=8, device=CPU, conditional=False)
    told = CodeBatches([codes(a=10), codes(a=9)], length=3, batch=8, device=CPU)
    windows, classes = batches.draw(np.random.default_rng(0))
    assert classes.tolist() == [0] * 8
    assert torch.equal(windows, told.draw(np.random.default_rng(0))[0]), "the same windows of both classes"
    assert {int(index) for _, indices in batches.tiled(limit=9) for index in indices} == {0}


def test_tiled_windows_for_validation() -> None:
    batches = CodeBatches([codes(a=10, b=7), codes(a=6)], length=3, batch=2, device=CPU)
    tiled = batches.tiled(limit=100)
    windows = torch.cat([window for window, _ in tiled])
    assert windows[:, 0].tolist() == [0, 3, 6, 0, 3, 0, 3]
    assert torch.cat([index for _, index in tiled]).tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert [len(window) for window, _ in tiled] == [2, 2, 2, 1]
    few = torch.cat([window for window, _ in batches.tiled(limit=3)])
    assert few[:, 0].tolist() == [0, 0, 3], "every third: spread over tracks and classes"


def test_sequences_too_short() -> None:
    with pytest.raises(ValueError, match="class 1: none of 2 sequences has 5 tokens"):
        CodeBatches([codes(a=10), codes(a=4, b=3)], length=5, batch=2, device=CPU)


# --- against the plain way ---


def plain_window(batches: CodeBatches, index: int, rng: np.random.Generator) -> np.ndarray:
    """A window by walking through all places."""
    places = [
        (codes, start)
        for codes in batches.sequences[index].values()
        for start in range(len(codes) - batches.length + 1)
    ]
    codes, start = places[int(rng.integers(len(places)))]
    return codes[start : start + batches.length]


def plain_tiles(batches: CodeBatches, limit: int) -> list[tuple[list[int], int]]:
    """Validation windows by listing them all."""
    windows = [
        (codes[start : start + batches.length].tolist(), index)
        for index, tracks in enumerate(batches.sequences)
        for codes in tracks.values()
        for start in range(0, len(codes) - batches.length + 1, batches.length)
    ]
    return windows[:: max(1, -(-len(windows) // limit))]


@pytest.mark.parametrize("lengths", [(10, 2, 7, 3), (3, 3, 3, 3), (1, 2, 3, 30)])
def test_windows_and_tiles_are_those_of_the_plain_way(lengths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    classes = [
        {f"{row}": rng.integers(0, 99, length) for row, length in enumerate(order)}
        for order in (lengths, lengths[::-1])
    ]
    batches = CodeBatches(classes, length=3, batch=4, device=CPU)
    generators = np.random.default_rng(1), np.random.default_rng(1)
    for step in range(100):
        np.testing.assert_array_equal(
            batches.window(step % 2, generators[0]), plain_window(batches, step % 2, generators[1])
        )
    for limit in range(1, 40):
        tiles = [
            (window.tolist(), int(index))
            for windows, indices in batches.tiled(limit)
            for window, index in zip(windows, indices, strict=True)
        ]
        assert tiles == plain_tiles(batches, limit)
        assert len(tiles) <= limit


def test_many_short_sequences_are_quick() -> None:
    rows = np.zeros((100_000, 49), dtype=np.int64)
    batches = CodeBatches([{f"{n}": row for n, row in enumerate(rows)}], length=49, batch=64, device=CPU)
    rng = np.random.default_rng(0)
    batches.draw(rng)
    began = time.process_time()
    for _ in range(20):
        batches.draw(rng)
    assert time.process_time() - began < 2, "about 20 ms on an idle machine"


# --- images ---


def make_images(augmented: Augmentation | None = None) -> ImageBatches:
    """Image n of 9 x 9 pixels has the level LEVELS[n] in a block: a sum says which two images were added."""
    pixels = np.zeros((6, 1, 9, 9), dtype=np.uint8)
    pixels[:, :, 2:7, 3:6] = np.array(LEVELS, dtype=np.uint8)[:, None, None, None]
    library = ImageLibrary(pixels, np.zeros(6, dtype=np.int64), ("a",))
    return ImageBatches(library, weights=[0.25, 0.5], batch=64, device=CPU, augmented=augmented)


def test_two_thirds_are_sources() -> None:
    batches, rng = make_images(), np.random.default_rng(0)
    items = torch.cat([batches.draw(rng) for _ in range(60)])
    assert items.dtype == torch.float32
    assert items.shape == (3840, 81)
    levels = (1020 * items[:, 40]).round().long()  # four times the bytes
    sources = {4 * level: 0 for level in LEVELS}
    mixtures = {first + 2 * second: 0 for first in LEVELS for second in LEVELS if first != second}
    assert len(mixtures) == 30
    assert not sources.keys() & mixtures.keys()
    for level in levels.tolist():
        found = sources if level in sources else mixtures
        found[level] += 1
    np.testing.assert_allclose([count / 3840 for count in sources.values()], [1 / 9] * 6, atol=0.03)
    np.testing.assert_allclose([count / 3840 for count in mixtures.values()], [1 / 90] * 30, atol=0.01)


def test_half_of_the_sources_are_augmented() -> None:
    plain, changed = (make_images(turns).draw(np.random.default_rng(0)) for turns in (None, TURNS))
    assert torch.equal(plain, make_images(STILL).draw(np.random.default_rng(0)))
    differs = (plain != changed).any(dim=1)
    assert 0.15 < differs.float().mean() < 0.55, "a third of all"
    levels = (1020 * plain[differs, 40]).round().long()
    assert set(levels.tolist()) <= {4 * level for level in LEVELS}, "no mixture among them"
    batches, rng = make_images(TURNS), np.random.default_rng(0)
    blocks = [
        (row.reshape(9, 9)[2:7, 3:6] - row[40]).abs().max() < 1e-6 and row.reshape(9, 9)[1].max() == 0
        for _ in range(30)
        for row in batches.draw(rng)
    ]
    assert abs(sum(blocks) / len(blocks) - 2 / 3) < 0.06


def test_batches_of_images_depend_on_their_generator_alone() -> None:
    batches = make_images(TURNS)
    assert torch.equal(batches.draw(np.random.default_rng(1)), batches.draw(np.random.default_rng(1)))
    first, second = batches.fixed(3, batches=2), batches.fixed(3, batches=2)
    assert len(first) == 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(*first)


def test_more_sources_than_images() -> None:
    batches = ImageBatches(make_images().library, weights=[1 / 7] * 7, batch=4, device=CPU)
    with pytest.raises(ValueError, match="7 sources out of 6 images"):
        batches.draw(np.random.default_rng(0))
