"""Figures of spectrograms, and files to listen to."""

import io
from pathlib import Path

import matplotlib.image
import numpy as np
import soundfile
from PIL import Image

from lass.data.audio.files import read_audio, write_audio
from lass.evaluation.figures.spectrograms import SMALL, Sounds, levels, smaller
from lass.evaluation.separations import Separations

RATE = 8000


def sounds(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2, RATE)).astype(np.float32)


def test_a_tone_is_where_it_belongs() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    picture = levels(tone, RATE)
    middle = picture[:, picture.shape[1] // 2]
    assert middle.argmax() == round(1000 / (RATE / 2) * (len(picture) - 1))


def separations(sources: np.ndarray, **estimates: np.ndarray) -> Separations:
    return Separations([3, 99], [["drums", "bass"]] * 2, sources.sum(axis=1), sources, estimates)


def test_a_row_for_each_method_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    sources, sizes = sounds(), []
    for name, methods in (("a.png", ["one"]), ("b.png", ["one", "two"]), ("c.png", ["one", "two"])):
        shown = separations(sources, **dict.fromkeys(methods, sources))
        Sounds(RATE).draw(shown, path=tmp_path / name)
        sizes.append(matplotlib.image.imread(tmp_path / name).shape)
    assert sizes[1][0] > sizes[0][0]
    assert sizes[1][1] == sizes[0][1]
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_exported_sounds_are_what_the_library_writes(tmp_path: Path) -> None:
    loud, quiet = (level * sounds()[0, 0] / np.abs(sounds()[0, 0]).max() for level in (2.0, 0.25))
    Sounds(RATE).export({"loud": loud, "quiet": quiet}, folder=tmp_path / "new")
    for name, sound in (("loud", loud), ("quiet", quiet)):  # both as much quieter
        write_audio(tmp_path / "expected.flac", sound / np.float32(2.0), rate=RATE, subtype="PCM_16")
        written = tmp_path / "new" / f"{name}.flac"
        assert written.read_bytes() == (tmp_path / "expected.flac").read_bytes()
        np.testing.assert_allclose(read_audio(written, rate=RATE)[0], sound / 2, atol=2**-15)
    Sounds(RATE).export({"alone": quiet}, folder=tmp_path)
    np.testing.assert_allclose(read_audio(tmp_path / "alone.flac")[0], quiet, atol=2**-15)


def test_embedded_sounds_are_those_of_the_files(tmp_path: Path) -> None:
    loud, quiet = (level * sounds()[0, 0] / np.abs(sounds()[0, 0]).max() for level in (2.0, 0.002))
    embedded = Sounds(RATE).embed({"loud": loud, "quiet": quiet})
    Sounds(RATE).export({"loud": loud, "quiet": quiet}, folder=tmp_path)
    brightness = {}
    for name, part in embedded.items():
        assert part.sound == (tmp_path / f"{name}.flac").read_bytes()
        assert part.seconds == soundfile.info(tmp_path / f"{name}.flac").duration == 1.0
        with Image.open(io.BytesIO(part.picture)) as picture:
            assert picture.size[0] <= SMALL[1]
            assert picture.size[1] <= SMALL[0]
            brightness[name] = np.asarray(picture.convert("L")).mean()
    assert brightness["loud"] > 2 * brightness["quiet"], "one scale for all of a mixture"
    assert Sounds(RATE).embed({"loud": loud, "quiet": quiet}) == embedded


def test_low_tones_are_at_the_bottom_of_an_embedded_spectrogram() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(30 * RATE) / RATE)
    with Image.open(io.BytesIO(Sounds(RATE).embed({"tone": tone})["tone"].picture)) as picture:
        rows = np.asarray(picture.convert("L")).mean(axis=1)
    assert rows.argmax() / len(rows) > 0.8


def test_a_smaller_spectrogram_keeps_the_loudest() -> None:
    picture = np.zeros((2 * SMALL[0] + 1, 5 * SMALL[1]))
    picture[2 * SMALL[0], -1], picture[3, 7] = 5.0, 4.0
    small = smaller(picture)
    assert small.shape == (65, SMALL[1])
    assert small[-1, -1] == 5.0
    assert small[1, 1] == 4.0
    assert small.sum() == 9.0
    np.testing.assert_array_equal(smaller(np.eye(9)), np.eye(9))
