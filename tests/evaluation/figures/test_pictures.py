"""Figures and files of images: every pixel in its place, and what is refused."""

import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from lass.evaluation.figures.pictures import Pictures
from lass.evaluation.separations import Separations


def separations(mixtures: np.ndarray, sources: np.ndarray, **estimates: np.ndarray) -> Separations:
    return Separations(range(len(sources)), [["1", "2"]] * len(sources), mixtures, sources, estimates)


@pytest.mark.parametrize("colours", [1, 3])
def test_separations_show_every_image_in_its_place(colours: int, tmp_path: Path) -> None:
    image: tuple[int, int, int] = (colours, 6, 4)
    rng, pictures = np.random.default_rng(0), Pictures(image)
    sources = rng.random((5, 2, colours * 24))
    mixtures = sources.mean(axis=1)
    black = np.full_like(sources, -1.0)
    path = tmp_path / "new" / "separations.png"
    shown_here = separations(mixtures, sources, lass=sources, black=black)
    pictures.draw(shown_here, path=path)
    # 14 dots for each of 6 + 2 rows and 4 + 2 columns; one row of images, then three times two, 9 dots apart
    shown = matplotlib.image.imread(path)[:, -5 * 84 :, :3]
    assert len(shown) == 7 * 112 + 3 * 9
    for top, pixels in (
        (0, mixtures[:, None]),
        (121, sources),
        (354, sources),
        (587, np.zeros_like(sources)),
    ):
        rows = shown[top : top + 112 * pixels.shape[1]]
        tiles = rows[7::14, 7::14].reshape(-1, 8, 5, 6, 3).transpose(2, 0, 4, 1, 3)  # [M, rows, 3, 8, 6]
        expected = np.broadcast_to(pixels.reshape(5, -1, *image), tiles[..., :6, :4].shape)
        np.testing.assert_allclose(tiles[..., :6, :4], expected, atol=1 / 255)
        assert (tiles[..., 6:, :] == 1).all()
        assert (tiles[..., 4:] == 1).all()
    first = path.read_bytes()
    pictures.draw(shown_here, path=path)
    assert path.read_bytes() == first


def test_separations_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    sources = np.zeros((5, 2, 24))
    mixtures, path = sources[:, 0], tmp_path / "separations.png"
    with pytest.raises(ValueError, match=r"mixtures are \(5, 1, 24\), expected \(5, 1, 30\)"):
        Pictures((1, 6, 5)).draw(separations(mixtures, sources), path=path)
    with pytest.raises(ValueError, match="'lass' hold NaN"):
        Pictures((1, 6, 4)).draw(separations(mixtures, sources, lass=sources * math.nan), path=path)
    with pytest.raises(ValueError, match="1 or 3 colours, not 2"):
        Pictures((2, 3, 4)).draw(separations(mixtures, sources), path=path)
    with pytest.raises(ValueError, match="'a' hold NaN"):
        Pictures((1, 6, 4)).export({"a": np.full(24, math.nan)}, folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("colours", [1, 3])
def test_exported_images_are_bytes_of_their_pixels(colours: int, tmp_path: Path) -> None:
    part = np.random.default_rng(0).uniform(-0.2, 1.2, colours * 24)
    Pictures((colours, 6, 4)).export({"a": part.astype(np.float32)}, folder=tmp_path / "new")
    with Image.open(tmp_path / "new" / "a.png") as file:
        found = np.asarray(file).reshape(6, 4, colours)
    expected = (part.clip(0, 1) * 255).round().reshape(colours, 6, 4).transpose(1, 2, 0)
    np.testing.assert_array_equal(found, expected)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
