"""Mixtures of recordings and of images: sums by hand, the same bytes alone and among others."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lass.data.audio.tracks import AudioLibrary
from lass.data.images.library import FILE, ImageLibrary, write_images
from lass.data.mixtures import Mixtures, mix, open_mixtures
from lass.data.settings import AudioLibrarySettings, ImageLibrarySettings, Mixing, MixtureDraw
from lass.data.table import Place, mixture_table, read_mixtures, write_mixtures
from tests.data.sources import write_library

CLASSES = ("zero", "one", "two")


def make_images(images: int = 7) -> ImageLibrary:
    pixels = np.arange(images * 4, dtype=np.uint8).reshape(images, 1, 2, 2) * 5
    return ImageLibrary(pixels, np.arange(images) % 3, CLASSES)


def make_audio(folder: Path) -> AudioLibrary:
    rng = np.random.default_rng(0)
    lengths = {"one": 90, "deep/two": 70}
    waves = {name: rng.uniform(-1, 1, (2, length)).astype(np.float32) for name, length in lengths.items()}
    return write_library(folder, {name: {"drums": x[0], "bass": x[1]} for name, x in waves.items()}, rate=100)


def draw(library: ImageLibrary, *, count: int) -> pa.Table:
    return library.draw(MixtureDraw(mixing=Mixing(weights=(0.5, 0.5)), count=count, seed=0))


def test_mix_by_hand() -> None:
    sources = np.array([[[1, 2], [10, 20]], [[0, 4], [8, 0]]], dtype=np.float32)
    mixed = mix(sources, np.array([0.5, 0.25]))
    assert mixed.dtype == np.float32
    assert mixed.tolist() == [[3.0, 6.0], [2.0, 2.0]]
    assert mix(sources, np.array([[0.5, 0.25], [1, 0]])).tolist() == [[3.0, 6.0], [0.0, 4.0]]
    assert mix(sources[0], np.array([0.5, 0.25])).tolist() == [3.0, 6.0]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_sum_has_the_same_bytes_alone_and_among_others(count: int) -> None:
    rng = np.random.default_rng(0)
    sources = rng.uniform(-1, 1, (9, count, 333)).astype(np.float32)
    weights = rng.uniform(0.1, 1, (9, count))
    together = mix(sources, weights)
    for row in range(9):
        np.testing.assert_array_equal(mix(sources[row], weights[row]), together[row])
        np.testing.assert_array_equal(mix(sources[row : row + 1], weights[row]), together[row : row + 1])


def test_recordings(tmp_path: Path) -> None:
    library = make_audio(tmp_path / "songs")
    places = [[Place("one", 60), Place("deep/two", 10)], [Place("deep/two", 0), Place("one", 5)]]
    table = mixture_table(
        places, sources=[["drums", "bass"], ["bass", "bass"]], weights=[0.25, 0.5], length=30
    )
    write_mixtures(tmp_path / "m.parquet", table)
    data = AudioLibrarySettings(rate=100, classes=("drums", "bass"))
    found = open_mixtures(tmp_path / "songs", tmp_path / "m.parquet", data)
    assert (len(found), found.length, found.bounds) == (2, 30, (-np.inf, np.inf))
    assert found.classes == [["drums", "bass"], ["bass", "bass"]]
    batch = found.load([1, 0])
    assert (batch.items, batch.classes) == ([1, 0], [["bass", "bass"], ["drums", "bass"]])
    assert {part.dtype for part in (batch.sources, batch.weights, batch.mixtures)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(batch.weights, [[0.25, 0.5]] * 2)
    np.testing.assert_array_equal(batch.sources[0, 0], library.read("deep/two", "bass", 0, 30))
    np.testing.assert_array_equal(batch.sources[0, 1], library.read("one", "bass", 5, 30))
    np.testing.assert_array_equal(batch.sources[1, 0], library.read("one", "drums", 60, 30))
    expected = 0.25 * batch.sources[:, 0] + 0.5 * batch.sources[:, 1]
    np.testing.assert_array_equal(batch.mixtures, expected)
    np.testing.assert_array_equal(found.load([0]).mixtures[0], batch.mixtures[1])


def test_images(tmp_path: Path) -> None:
    library = make_images()
    write_images(tmp_path / FILE, library.pixels, library.labels, CLASSES)
    write_mixtures(tmp_path / "m.parquet", draw(library, count=5))
    data = ImageLibrarySettings(image=(1, 2, 2), classes=CLASSES)
    found = open_mixtures(tmp_path, tmp_path / "m.parquet", data)
    assert (len(found), found.length, found.bounds) == (5, 4, (0.0, 1.0))
    batch = found.load([3, 0])
    pairs = np.array(read_mixtures(tmp_path / "m.parquet")["items"].to_pylist(), dtype=int)[[3, 0]]
    assert batch.items == [3, 0]
    assert batch.classes == [[CLASSES[row % 3] for row in pair] for pair in pairs]
    expected = np.stack([library.read_rows(pair) for pair in pairs])
    np.testing.assert_array_equal(batch.sources, expected)
    np.testing.assert_allclose(batch.mixtures, expected.mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found.load([0]).mixtures[0], batch.mixtures[1])
    with pytest.raises(ValueError, match="give at least one"):
        found.load([])


def test_a_table_of_other_images(tmp_path: Path) -> None:
    table = draw(make_images(), count=7)
    with pytest.raises(ValueError, match=r"no image '00000\d' among 5; .*draw them again"):
        Mixtures(table, make_images(5))
    other = ImageLibrary(make_images().pixels, np.zeros(7, dtype=np.int64), CLASSES)
    with pytest.raises(ValueError, match=r"is of class zero, but the table of mixtures says '(one|two)'"):
        Mixtures(table, other)
    write_images(tmp_path / FILE, other.pixels, other.labels, CLASSES)
    write_mixtures(tmp_path / "m.parquet", table)
    with pytest.raises(ValueError, match=r"m\.parquet: .* draw them again"):
        open_mixtures(
            tmp_path, tmp_path / "m.parquet", ImageLibrarySettings(image=(1, 2, 2), classes=CLASSES)
        )


def test_a_table_of_other_recordings(tmp_path: Path) -> None:
    library = make_audio(tmp_path / "songs")
    for place, source, message in (
        (Place("three"), "bass", "no recording 'three' among 2"),
        (Place("one"), "piano", "'one' is of class drums, bass, but the table of mixtures says 'piano'"),
        (Place("one", 61), "bass", "'one' has 90 samples, but the table of mixtures asks for 61 to 91"),
        (Place("one", -1), "bass", "asks for -1 to 29"),
    ):
        table = mixture_table([[place]], sources=[[source]], weights=[1], length=30)
        with pytest.raises(ValueError, match=rf"{message}; the mixtures are those of other sources: draw"):
            Mixtures(table, library)
    tables = [
        mixture_table([[Place("one")]], sources=[["bass"]], weights=[1], length=length) for length in (5, 6)
    ]
    with pytest.raises(ValueError, match=r"mixtures of \[5, 6\] samples: give all of them one length"):
        Mixtures(pa.concat_tables(tables), library)


def test_no_mixtures() -> None:
    found = Mixtures(draw(make_images(), count=1)[:0], make_images())
    assert (len(found), found.length, found.classes) == (0, 0, [])


def test_many_images_are_quick() -> None:
    pixels = np.zeros((10_000, 1, 28, 28), dtype=np.uint8)
    library = ImageLibrary(pixels, np.arange(10_000) % 3, CLASSES)
    began = time.process_time()
    found = Mixtures(draw(library, count=6000), library)
    assert found.load(range(500)).sources.shape == (500, 2, 784)
    assert time.process_time() - began < 2, "about 100 ms on an idle machine"
