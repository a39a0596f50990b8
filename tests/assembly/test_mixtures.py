"""The mixtures of a split as separation reads them, of music and of images."""

from pathlib import Path
from typing import Any

import numpy as np

from lass.assembly.mixtures import open_mixtures
from lass.data.audio.files import write_audio
from lass.data.audio.tracks import open_library
from lass.data.images.library import FILE, open_images, write_images
from lass.data.mixtures import draw_mixtures, write_mixtures
from lass.data.pairs import draw_image_mixtures, write_image_mixtures

MUSIC: dict[str, Any] = {"rate": 100, "classes": ["drums", "bass"]}
IMAGES: dict[str, Any] = {"image": [1, 4, 4], "classes": ["round", "flat"]}


def test_music(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).uniform(-1, 1, (2, 90)).astype(np.float32)
    write_audio(tmp_path / "songs" / "one.wav", audio, rate=100)
    table = draw_mixtures(
        open_library(tmp_path / "songs", **MUSIC),
        frames=30,
        count=None,
        weights=[0.25, 0.5],
        silence=0.0,
        seed=0,
    )
    write_mixtures(tmp_path / "m.parquet", table)
    found = open_mixtures(tmp_path / "songs", tmp_path / "m.parquet", MUSIC)
    assert found.sources == [["drums", "bass"]] * 3
    assert (found.length, found.bounds) == (30, (-np.inf, np.inf))
    expected = 0.25 * audio[0] + 0.5 * audio[1]
    np.testing.assert_allclose(found.load([2, 0]), [expected[60:], expected[:30]], atol=1e-4)


def test_images(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 1, 4, 4), dtype=np.uint8)
    write_images(tmp_path / FILE, pixels, np.array([0, 1, 1, 0, 1, 0]), ("round", "flat"))
    library = open_images(tmp_path / FILE, image=IMAGES["image"], classes=IMAGES["classes"])
    table = draw_image_mixtures(
        library.labels, classes=library.classes, count=4, sources=2, weights=[0.5, 0.5], seed=0
    )
    write_image_mixtures(tmp_path / "m.parquet", table)
    found = open_mixtures(tmp_path, tmp_path / "m.parquet", IMAGES)
    assert (found.length, found.bounds) == (16, (0.0, 1.0))
    loaded = found.load([3, 1])
    assert loaded.shape == (2, 16)
    for row, item in enumerate((3, 1)):
        images = np.array(table["images"][item].as_py())
        np.testing.assert_allclose(loaded[row], library.read(images).mean(axis=0), atol=1e-6)
        assert found.sources[item] == [library.classes[label] for label in library.labels[images]]
