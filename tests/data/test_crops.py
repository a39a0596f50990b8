"""Sources alone, as denoisers learn from them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lass.data.crops import AudioCrops, ImageCrops, examples, fixed, open_crops
from lass.data.images.library import FILE, ImageLibrary, write_images
from lass.data.settings import AudioLibrarySettings, ImageLibrarySettings
from tests.data.sources import write_library

CLASSES = ("zero", "one", "two")


def images() -> ImageLibrary:
    """Six images of 2 x 2 numbers, each of one grey that is its number."""
    pixels = np.repeat(np.arange(6, dtype=np.uint8), 4).reshape(6, 1, 2, 2)
    return ImageLibrary(pixels, np.array([0, 1, 2, 0, 1, 2]), CLASSES)


def audio(folder: Path, *, gain: float) -> AudioCrops:
    """Drums that are all 0.1 and bass that is all 0.4."""
    items = {name: {"drums": np.full(300, 0.1), "bass": np.full(300, 0.4)} for name in ("first", "second")}
    write_library(folder, items, rate=1000)
    data = AudioLibrarySettings(rate=1000, classes=("drums", "bass"))
    crops = open_crops(folder, data, classes=["bass", "drums"], batch=200, length=64, gain=gain)
    assert isinstance(crops, AudioCrops)
    return crops


def test_crops_come_with_the_index_of_their_class(tmp_path: Path) -> None:
    waves, classes = audio(tmp_path / "train", gain=0.0).draw(np.random.default_rng(0))
    assert waves.shape == (200, 64)
    assert waves.dtype == torch.float32
    assert 60 < int(classes.sum()) < 140  # as many of each
    expected = torch.tensor([0.4, 0.1])[classes, None].expand(-1, 64)
    torch.testing.assert_close(waves, expected, atol=1e-4, rtol=0)


def test_crops_are_louder_or_softer_and_of_either_sign(tmp_path: Path) -> None:
    waves, classes = audio(tmp_path / "train", gain=6.0).draw(np.random.default_rng(0))
    factors = waves[:, 0] / torch.tensor([0.4, 0.1])[classes]
    assert float(factors.abs().max()) <= 10 ** (6 / 20) + 1e-3
    assert float(factors.abs().min()) >= 10 ** (-6 / 20) - 1e-3
    assert float(factors.abs().std()) > 0.2
    assert 60 < int((factors < 0).sum()) < 140
    torch.testing.assert_close(waves, waves[:, :1].expand(-1, 64), atol=1e-4, rtol=0)  # one factor for all


def test_images_of_some_classes_alone() -> None:
    crops = ImageCrops(images(), ["two", "zero"], batch=300)
    drawn, classes = crops.draw(np.random.default_rng(0))
    greys = (255 * drawn[:, 0]).round().int()
    assert set(greys.tolist()) == {0, 3, 2, 5}
    assert [int(grey % 3 == 0) for grey in greys] == classes.tolist()  # zero is the second
    with pytest.raises(ValueError, match="no image is of nine"):
        ImageCrops(images(), ["nine"], batch=1)


def test_images_from_a_folder_and_the_same_for_validation(tmp_path: Path) -> None:
    held = images()
    write_images(tmp_path / FILE, held.pixels, held.labels, CLASSES)
    data = ImageLibrarySettings(image=(1, 2, 2), classes=CLASSES)
    crops = open_crops(tmp_path, data, classes=CLASSES, batch=4, length=64, gain=3.0)
    assert isinstance(crops, ImageCrops)
    once, again = fixed(crops, 0, batches=2), fixed(crops, 0, batches=2)
    assert len(once) == 2
    assert all(
        torch.equal(a, b)
        for left, right in zip(once, again, strict=True)
        for a, b in zip(left, right, strict=True)
    )
    sources, classes = examples(crops, 0, count=10)
    assert sources.shape == (12, 4)  # whole batches
    assert classes.shape == (12,)
