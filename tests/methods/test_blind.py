from typing import Any

import numpy as np
import pytest

from lass.config.registry import BLIND
from lass.methods.blind.decompositions import hpss_mask, lower_group, nmf_mask, robust_pca, rpca_mask
from lass.methods.blind.repeating import (
    beat_spectrum,
    ft2d_mask,
    repeating_period,
    repet_mask,
    repet_sim_mask,
)
from lass.methods.blind.separate import METHODS, separate_blindly

RATE = 8000
LOOP = 3200  # samples, 0.4 s


def decibels(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-distortion ratio of the estimate."""
    return float(10 * np.log10((reference**2).sum() / ((reference - estimate) ** 2).sum()))


def separate(mixture: np.ndarray, method: str, seed: int = 0) -> np.ndarray:
    (found,) = separate_blindly(mixture[None], method=method, rate=RATE, seeds=[seed])
    return np.asarray(found)


@pytest.fixture(scope="module")
def repetition() -> tuple[np.ndarray, np.ndarray]:
    """A loop of bursts of noise and a low tone, played eight times, and a melody that never repeats."""
    rng = np.random.default_rng(0)
    time = np.arange(LOOP) / RATE
    loop = np.zeros(LOOP)
    for start in (0, 700, 1600, 2300):
        loop[start:] += rng.normal(size=LOOP - start) * np.exp(-40 * time[: LOOP - start])
    loop += 0.5 * np.sin(2 * np.pi * 100 * time)
    notes = rng.permutation(np.geomspace(300, 1500, 12))
    melody = np.sin(2 * np.pi * np.cumsum(np.repeat(notes, 8 * LOOP // 12 + 1)[: 8 * LOOP]) / RATE)
    repeated = np.tile(loop, 8)
    return repeated / repeated.std(), melody / melody.std()


@pytest.fixture(scope="module")
def mixture(repetition: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    repeated, melody = repetition
    return np.asarray(0.1 * (repeated + melody), dtype=np.float32)


@pytest.fixture(scope="module")
def clicks_and_tone() -> tuple[np.ndarray, np.ndarray]:
    """Three seconds of clicks, four a second, and of a tone of 440 Hz, of the same energy."""
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)
    clicks = np.zeros(3 * RATE)
    clicks[RATE // 8 :: RATE // 4] = 1.0
    return clicks * np.sqrt((tone**2).sum() / (clicks**2).sum()), tone


def test_the_registry_names_what_there_is() -> None:
    """The configuration knows the names without loading the methods."""
    assert METHODS == BLIND


@pytest.mark.parametrize("method", BLIND)
def test_two_estimates_add_up_to_the_mixture(mixture: np.ndarray, method: str) -> None:
    found = separate(mixture, method)
    assert found.shape == (2, len(mixture))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), mixture, atol=1e-6)
    shares = (found**2).sum(axis=1) / (mixture**2).sum()
    assert (shares > 0.01).all()  # no method leaves all of this mixture to one part


@pytest.mark.parametrize("method", BLIND)
def test_only_the_seed_is_drawn_from(mixture: np.ndarray, method: str) -> None:
    short = mixture[: 2 * RATE]
    first, again, other = (separate(short, method, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (method not in ("ica", "nmf"))


@pytest.mark.parametrize("method", BLIND)
def test_a_mixture_is_separated_alike_alone_and_among_others(mixture: np.ndarray, method: str) -> None:
    batch = np.stack([mixture[:RATE], mixture[RATE : 2 * RATE], np.zeros(RATE, dtype=np.float32)])
    found = separate_blindly(batch, method=method, rate=RATE, seeds=[4, 5, 6])
    assert found.shape == (3, 2, RATE)
    for one, estimates, seed in zip(batch, found, (4, 5, 6), strict=True):
        np.testing.assert_array_equal(separate(one, method, seed=seed), estimates)
    assert separate_blindly(batch[:0], method=method, rate=RATE, seeds=[]).shape == (0, 2, RATE)


@pytest.mark.parametrize("method", BLIND)
def test_loudness_scales_the_estimates(mixture: np.ndarray, method: str) -> None:
    short = mixture[:RATE]
    np.testing.assert_array_equal(separate(short / 4096, method), separate(short, method) / 4096)


@pytest.mark.parametrize("method", BLIND)
def test_silence_stays_silent(mixture: np.ndarray, method: str) -> None:
    silent = np.zeros(RATE, dtype=np.float32)
    assert not separate(silent, method).any()
    pause = np.concatenate([mixture[:RATE], silent])
    found = separate(pause, method)
    assert np.isfinite(found).all()
    assert np.abs(found[:, RATE + RATE // 10 :]).max() < 1e-6


@pytest.mark.parametrize(("method", "better"), [("hpss", 10), ("nmf", 10)])
def test_clicks_and_tone_come_apart(
    clicks_and_tone: tuple[np.ndarray, np.ndarray], method: str, better: float
) -> None:
    clicks, tone = clicks_and_tone
    found = separate(clicks + tone, method)
    for source, estimate in zip(clicks_and_tone, found, strict=True):
        assert decibels(source, estimate) > better  # of the mixture itself it is 0 dB


@pytest.mark.parametrize(("method", "better"), [("rpca", 12), ("repet", 12), ("repet_sim", 9), ("ft2d", 6)])
def test_what_repeats_is_found(
    repetition: tuple[np.ndarray, np.ndarray], mixture: np.ndarray, method: str, better: float
) -> None:
    found = separate(mixture, method) / 0.1
    for source, estimate in zip(repetition, found, strict=True):
        assert decibels(source, estimate) > better  # of the mixture itself it is 0 dB


def test_rpca_takes_a_lasting_chord_from_moving_tones() -> None:
    time = np.arange(3 * RATE) / RATE
    chord = np.sin(2 * np.pi * np.outer([250, 500, 750, 1000], time)).sum(axis=0)
    glide = np.sin(2 * np.pi * (1500 * time + 250 * time**2))  # 1500 to 3000 Hz
    found = separate(chord + glide, "rpca")
    assert decibels(chord, found[0]) > 10
    assert decibels(glide, found[1]) > 10


def test_ica_takes_bands_apart() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(3 * RATE) / RATE
    low = np.sign(np.sin(2 * np.pi * 1.5 * time)) * np.sin(2 * np.pi * 150 * time)
    high = np.sin(2 * np.pi * 3000 * time) * rng.laplace(size=60).repeat(RATE // 20)
    found = separate(low + high, "ica")
    assert decibels(low, found[0]) > 15
    assert decibels(high, found[1]) > 15


def test_robust_pca_finds_a_low_rank_and_a_sparse_matrix() -> None:
    rng = np.random.default_rng(0)
    low_rank = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 60))
    sparse = np.where(rng.random((80, 60)) < 0.05, rng.uniform(-10, 10, (80, 60)), 0.0)
    parts = robust_pca(low_rank + sparse)
    assert np.linalg.norm(parts.low_rank - low_rank) < 1e-4 * np.linalg.norm(low_rank)
    assert np.linalg.norm(parts.sparse - sparse) < 1e-4 * np.linalg.norm(sparse)
    assert np.linalg.matrix_rank(parts.low_rank, tol=1e-3) == 3


def test_rpca_mask_by_hand() -> None:
    magnitudes = np.outer(np.arange(1, 31), np.tile([1.0, 2.0, 3.0], 10))  # of rank 1
    magnitudes[7, 11] += 500.0
    mask = rpca_mask(magnitudes)
    assert mask[7, 11] == 0.0
    assert mask.sum() == mask.size - 1


def test_hpss_mask_by_hand() -> None:
    magnitudes = np.zeros((101, 101))
    magnitudes[50], magnitudes[:, 50] = 3.0, 4.0  # a tone and a click that meet at one cell
    mask = hpss_mask(magnitudes)
    across = np.delete(np.arange(101), 50)
    assert (mask[50, across] == 0.0).all()
    assert (mask[across, 50] == 1.0).all()
    assert mask[50, 50] == pytest.approx(4**2 / (3**2 + 4**2))  # medians 4 along frequency, 3 along time


def test_nmf_mask_of_two_components() -> None:
    tone, click = np.zeros((40, 50)), np.zeros((40, 50))
    tone[10] = 1.0
    click[:, 5::10] = 1.0
    mask = nmf_mask(tone + click, seed=0)
    np.testing.assert_allclose(mask[11:, 5::10], 1.0, atol=0.05)
    np.testing.assert_allclose(mask[10, :5], 0.0, atol=0.05)


@pytest.mark.parametrize(
    ("scores", "lower"),
    [
        ([5.0, 1.0, 6.0, 2.0, 5.5], [False, True, False, True, False]),
        ([0.0, 0.0, 9.0], [True, True, False]),
        ([-3.0, 4.0], [True, False]),
        ([7.0], [True]),
    ],
)
def test_two_groups_by_hand(scores: list[float], lower: list[bool]) -> None:
    assert lower_group(np.array(scores)).tolist() == lower


def test_beat_spectrum_by_hand() -> None:
    magnitudes = np.sqrt([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    # powers 1 0 2 0 and 0 0 0 1: at lag 0 (1 + 4 + 1) / 4, at lag 2 (1 * 2) / 2, else nothing meets
    np.testing.assert_allclose(beat_spectrum(magnitudes), [1.0, 0.0, 1 / 1.5, 0.0], atol=1e-12)


def test_the_period_is_that_of_the_multiples() -> None:
    beats = np.zeros(160)
    beats[0], beats[12::12] = 1.0, 0.5
    assert repeating_period(beats, shortest=5) == 12
    beats[24::24] = 0.9  # every other beat is stronger
    assert repeating_period(beats, shortest=5) == 24
    beats[120:] = 9.0  # the longest quarter of the lags does not count
    assert repeating_period(beats, shortest=5) == 24


def test_repet_masks_by_hand() -> None:
    period, repeats = 15, 8
    magnitudes = np.tile(np.random.default_rng(0).uniform(size=(40, period)) ** 3, repeats)
    loudest = int(np.argmax(magnitudes[:, 40]))
    magnitudes[loudest, 40] *= 2.0
    expected = np.ones_like(magnitudes)
    expected[loudest, 40] = 0.5
    for mask in (repet_mask, repet_sim_mask):
        np.testing.assert_allclose(mask(magnitudes, frame_rate=50.0), expected, rtol=1e-9)


def test_ft2d_mask_by_hand() -> None:
    rate = 20  # cycles in 120 frames, out of the neighborhood of the peak at rate 0
    wave = np.tile(2 + np.cos(2 * np.pi * rate * np.arange(120) / 120), (16, 1))
    magnitudes = wave.copy()
    magnitudes[5, 30] += 40.0  # spreads over all 16 * 120 bins, of which the three peaks hold little
    expected = np.ones_like(wave)
    expected[5, 30] = 0.0
    np.testing.assert_array_equal(ft2d_mask(magnitudes), expected)
    magnitudes[5, 30] = wave[5, 30] * 1.9  # here the peaks hold more than half
    np.testing.assert_array_equal(ft2d_mask(magnitudes), np.ones_like(wave))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "demucs"}, "method 'demucs' is unknown: choose one of rpca, ica, hpss"),
        ({"mixtures": np.zeros((1, 0))}, "0 samples, which is 0.000 s at 8000 Hz: give at least 1.0 s"),
        ({"mixtures": np.zeros((1, RATE - 1))}, "7999 samples"),
        ({"mixtures": np.zeros(RATE)}, r"shape \(8000,\): give mono mixtures \[B, T\]"),
        ({"mixtures": np.full((1, RATE), np.nan)}, "hold 8000 samples that are not finite"),
        ({"mixtures": np.r_[np.zeros(RATE), np.inf][None]}, "hold 1 samples"),
        ({"seeds": [0, 1]}, "2 seeds for 1 mixtures: give one each"),
        ({"rate": 0}, "rate 0 Hz: give at least 1000 Hz"),
    ],
)
def test_what_cannot_be_separated_is_refused(changes: dict[str, Any], message: str) -> None:
    usual = {"mixtures": np.ones((1, RATE)), "method": "hpss", "rate": RATE, "seeds": [0]}
    given: dict[str, Any] = usual | changes
    with pytest.raises(ValueError, match=message):
        separate_blindly(given.pop("mixtures"), **given)
