"""Figures of spectrograms: sizes, and what is refused."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from lass.evaluation.figures.spectrograms import draw_spectrograms, levels

RATE = 8000


def sounds(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2, RATE)).astype(np.float32)


def test_a_tone_is_where_it_belongs() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    picture = levels(tone, RATE)
    middle = picture[:, picture.shape[1] // 2]
    assert middle.argmax() == round(1000 / (RATE / 2) * (len(picture) - 1))


def test_a_row_for_each_method_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    sources, sizes = sounds(), []
    for name, methods in (("a.png", ["one"]), ("b.png", ["one", "two"]), ("c.png", ["one", "two"])):
        draw_spectrograms(
            sources.sum(axis=1),
            sources,
            dict.fromkeys(methods, sources),
            items=[3, 99],
            classes=["drums", "bass"],
            rate=RATE,
            path=tmp_path / name,
        )
        sizes.append(matplotlib.image.imread(tmp_path / name).shape)
    assert sizes[1][0] > sizes[0][0]
    assert sizes[1][1] == sizes[0][1]
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_sounds_that_do_not_fit(tmp_path: Path) -> None:
    sources = sounds()
    with pytest.raises(ValueError, match="estimates of 'one' are"):
        draw_spectrograms(
            sources.sum(axis=1),
            sources,
            {"one": sources[:1]},
            items=[3, 99],
            classes=["drums", "bass"],
            rate=RATE,
            path=tmp_path / "a.png",
        )
    with pytest.raises(ValueError, match="sizes differ"):
        draw_spectrograms(
            sources[:, 0, :50],
            sources,
            {},
            items=[3, 99],
            classes=["drums", "bass"],
            rate=RATE,
            path=tmp_path / "a.png",
        )
