"""Shifted recordings: every effect by hand or in closed form, and mixtures of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.signal import resample_poly

from lass.data.audio.shifts import moved, shifted, spectral_gain, unwanted, write_shifted
from lass.data.audio.tracks import INDEX, AudioLibrary, open_tracks
from lass.data.mixtures import Mixtures
from lass.data.settings import AudioLibrarySettings, Mixing, MixtureDraw
from lass.data.shift_settings import Shift
from lass.data.table import Place, mixture_table, read_mixtures, write_mixtures
from tests.data.sources import write_library

RATE, CLASSES = 8000, ("drums", "bass")
WEIGHTS = {"drums": 0.5, "bass": 0.25}


def tones(*frequencies: float, samples: int = 8000) -> np.ndarray:
    """Tones [N, T] of amplitude 0.5."""
    phases = 2 * np.pi * np.arange(samples) / RATE * np.array(frequencies)[:, None]
    return np.asarray(0.5 * np.sin(phases), dtype=np.float32)


def library_of(folder: Path) -> AudioLibrary:
    drums, bass = tones(500, 220)
    return write_library(folder, {"song": {"drums": drums, "bass": bass}}, rate=RATE)


def test_levels_by_class() -> None:
    sources = tones(500, 220)
    found = shifted(sources, CLASSES, Shift(levels={"bass": -20.0}), rate=RATE)
    np.testing.assert_allclose(found[0], sources[0], atol=1e-6)
    np.testing.assert_allclose(found[1], 0.1 * sources[1], atol=1e-6)


def test_a_tilt_above_its_corner() -> None:
    """6 dB per octave: 500 Hz stay, 2 kHz, an octave above the corner, are 1.995 times as loud."""
    sources = tones(500, 2000)
    found = shifted(sources, CLASSES, Shift(tilt=6.0), rate=RATE)
    np.testing.assert_allclose(found, sources * np.array([[1.0], [10**0.3]]), atol=1e-5)


def test_a_low_pass_filter() -> None:
    shift = Shift(lowpass=1000.0)
    gains = spectral_gain(np.array([0.0, 500.0, 1000.0, 2000.0]), shift)
    assert gains.tolist() == pytest.approx([1.0, 1.0, 0.5**0.5, 10 ** (-48.165 / 20)], rel=1e-3)
    sources = tones(200, 3000)
    found = shifted(sources, CLASSES, shift, rate=RATE)
    np.testing.assert_allclose(found[0], sources[0], atol=1e-5)
    assert np.abs(found[1]).max() < 1e-3


def test_an_octave_higher() -> None:
    """Twice as fast: 300 Hz become 600, from the beginning again after half of the length."""
    found = shifted(tones(300), ("drums",), Shift(semitones=12.0), rate=RATE)
    assert found.shape == (1, 8000)
    np.testing.assert_allclose(found[0, 100:3900], tones(600)[0, 100:3900], atol=5e-3)
    np.testing.assert_array_equal(found[0, 4000:], found[0, :4000])


def test_an_octave_lower_is_twice_as_long() -> None:
    found = shifted(tones(300), ("drums",), Shift(semitones=-12.0), rate=RATE)
    assert found.shape == (1, 16_000)
    np.testing.assert_allclose(found[0, 100:-100], tones(150, samples=16_000)[0, 100:-100], atol=5e-3)


@pytest.mark.parametrize(("semitones", "up", "down"), [(12.0, 1, 2), (-12.0, 2, 1)])
def test_mixtures_in_another_pitch_are_of_the_same_music(
    tmp_path: Path, semitones: float, up: int, down: int
) -> None:
    """A tone that rises says where in the song a mixture is, up to the song's end."""
    time = np.arange(8000) / RATE
    rising = np.asarray(0.5 * np.sin(2 * np.pi * (100 + 100 * time) * time), dtype=np.float32)
    library = write_library(tmp_path / "one", {"song": {"drums": rising, "bass": rising}}, rate=RATE)
    write_shifted(tmp_path / "two", library, Shift(semitones=semitones), weights=WEIGHTS, seed=0)
    found = open_tracks(tmp_path / "two", AudioLibrarySettings(rate=RATE, classes=CLASSES))
    places = [[Place("song", start)] * 2 for start in (0, 3000, 7000)]
    table = mixture_table(places, sources=[CLASSES] * 3, weights=(0.5, 0.25), length=1000)
    write_mixtures(tmp_path / "moved.parquet", moved(table, Shift(semitones=semitones)))
    batch = Mixtures(read_mixtures(tmp_path / "moved.parquet"), found).load([0, 1, 2])
    for sources, (place, _) in zip(batch.sources, places, strict=True):
        expected = resample_poly(rising[place.start :], up, down)[20:1000]
        expected = expected[: -20 * up] if len(expected) < 980 else expected
        np.testing.assert_allclose(sources[0, 20 : 20 + len(expected)], expected, atol=0.02)
    same = moved(table, Shift(noise=20.0))
    assert same.equals(table)


def test_noise_is_so_far_below_the_mixture() -> None:
    sources, weights = tones(500, 220, samples=40_000), np.array([0.5, 0.25])
    added = unwanted(sources, weights, Shift(noise=20.0), rate=RATE, rng=np.random.default_rng(0))
    assert added is not None
    power = np.mean((weights @ sources) ** 2) / np.mean((weights @ added) ** 2)
    assert 10 * np.log10(power) == pytest.approx(20.0, abs=0.1)
    assert abs(np.corrcoef(added)[0, 1]) < 0.02


def test_a_room_follows_the_sound() -> None:
    """A click: nothing before it nor at it, a quarter of its power after it, 60 dB less at the end."""
    click = np.zeros((1, 8000), dtype=np.float32)
    click[0, 1000] = 1.0
    added = unwanted(click, np.ones(1), Shift(room=0.5), rate=RATE, rng=np.random.default_rng(0))
    assert added is not None
    assert np.abs(added[0, :1001]).max() < 1e-6
    assert float(np.sum(added**2)) == pytest.approx(0.25, rel=1e-3)
    early, late = (np.mean(added[0, start : start + 200] ** 2) for start in (1001, 4800))
    assert 10 * np.log10(early / late) == pytest.approx(57.0, abs=3.0)


def test_what_is_clean_has_nothing_beside_it() -> None:
    assert unwanted(tones(500), np.ones(1), Shift(tilt=3.0), rate=RATE, rng=np.random.default_rng(0)) is None


def test_mixtures_have_what_is_beside_their_sources(tmp_path: Path) -> None:
    """Their sources are clean, the mixture is not: it has the weighted sum of what stands beside them."""
    library, folder = library_of(tmp_path / "sources"), tmp_path / "shifted"
    write_shifted(folder, library, Shift(noise=10.0, levels={"bass": 6.0}), weights=WEIGHTS, seed=1)
    found = open_tracks(folder, AudioLibrarySettings(rate=RATE, classes=CLASSES))
    table = library.draw(
        MixtureDraw(mixing=Mixing(weights=(0.5, 0.25)), length=1000, pairing="together", count=3, seed=0)
    )
    clean, noisy = Mixtures(table, library).load([0, 2]), Mixtures(table, found).load([0, 2])
    np.testing.assert_allclose(noisy.sources[:, 0], clean.sources[:, 0], atol=1e-6)
    np.testing.assert_allclose(noisy.sources[:, 1], 10**0.3 * clean.sources[:, 1], atol=1e-5)
    start = int(table["starts"].to_pylist()[2][0])
    added = [found.read("song", f"beside {name}", start, 1000) for name in CLASSES]
    expected = 0.5 * (noisy.sources[1, 0] + added[0]) + 0.25 * (noisy.sources[1, 1] + added[1])
    np.testing.assert_allclose(noisy.mixtures[1], expected, atol=1e-6)
    assert np.abs(added[0]).max() > 0.01
    again = tmp_path / "again"
    write_shifted(again, library, Shift(noise=10.0, levels={"bass": 6.0}), weights=WEIGHTS, seed=1)
    assert (again / INDEX).read_bytes() == (folder / INDEX).read_bytes()  # with sums of all samples


def test_shifts_that_cannot_be(tmp_path: Path) -> None:
    library = library_of(tmp_path / "sources")
    with pytest.raises(ValueError, match="levels names 'horn', which is none of the classes"):
        write_shifted(tmp_path / "no", library, Shift(levels={"horn": 1.0}), weights=WEIGHTS, seed=0)
    with pytest.raises(ValidationError, match="soundfonts play other songs, so leave out room, tilt"):
        Shift(soundfonts=["a.sf2"], tilt=1.0, room=0.3)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"tilt": 0.0},
        {"semitones": 0.0, "levels": {"bass": 0.0}},
        {"noise": None},
        {"soundfonts": []},
        {"corner": 500.0},
    ],
    ids=str,
)
def test_shifts_that_shift_nothing(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="nothing is shifted: name one of levels, lowpass, noise, room"):
        Shift(**given)


def test_noise_as_loud_as_the_mixture_is_a_shift() -> None:
    assert Shift(noise=0.0, tilt=0.0).noise == 0.0


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ({"semitones": 24.5}, "less than or equal to 24"),
        ({"semitones": -25}, "greater than or equal to -24"),
        ({"noise": -4000}, "greater than or equal to -60"),
        ({"tilt": 1000}, "less than or equal to 60"),
        ({"levels": {"bass": 9000}}, "less than or equal to 120"),
        ({"room": 1e6}, "less than or equal to 60"),
    ],
    ids=str,
)
def test_shifts_out_of_bounds(given: dict[str, Any], bound: str) -> None:
    with pytest.raises(ValidationError, match=bound):
        Shift(**given)
