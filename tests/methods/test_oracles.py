"""The ideal ratio mask on sounds whose spectrograms overlap or do not."""

import numpy as np
import pytest

from lass.methods.oracles import average, ideal_binary_mask, ideal_ratio_mask, scaled_mixture

RATE = 8000
TIME = np.arange(RATE) / RATE
LOW, HIGH = np.sin(2 * np.pi * 200 * TIME), np.sin(2 * np.pi * 3000 * TIME)
WEIGHTS = np.array([0.25, 0.75])


def masked(sources: np.ndarray, weights: np.ndarray = WEIGHTS) -> np.ndarray:
    """Estimates of one mixture."""
    (estimates,) = ideal_ratio_mask(sources[None], weights=weights[None], rate=RATE)
    return np.asarray(estimates)


def error(estimates: np.ndarray, sources: np.ndarray) -> float:
    """Relative to the sources, away from the edges."""
    inner = slice(1000, -1000)
    return float(np.linalg.norm((estimates - sources)[:, inner]) / np.linalg.norm(sources[:, inner]))


def test_sounds_of_different_frequencies_are_told_apart() -> None:
    sources = np.stack([LOW, HIGH]).astype(np.float32)
    assert error(masked(sources), sources) < 1e-3


def test_noise_upon_noise_is_not() -> None:
    sources = np.random.default_rng(0).normal(size=(2, RATE)).astype(np.float32)
    assert 0.2 < error(masked(sources), sources) < 1


def test_estimates_add_up_to_the_mixture() -> None:
    sources = np.random.default_rng(1).normal(size=(3, RATE)).astype(np.float32)
    weights = np.array([0.2, 0.3, 0.5])
    estimates = masked(sources, weights)
    assert estimates.dtype == np.float32
    np.testing.assert_allclose(weights @ estimates, weights @ sources, atol=1e-5)


def test_silence_and_mixtures_that_are_too_short() -> None:
    assert not masked(np.zeros((2, RATE))).any()
    with pytest.raises(ValueError, match="200 samples are less than half a window of 512"):
        masked(np.ones((2, 200)))


def test_a_mixture_is_masked_alike_alone_and_among_others() -> None:
    batch = np.random.default_rng(2).normal(size=(3, 2, RATE)).astype(np.float32)
    weights = np.tile(WEIGHTS, (len(batch), 1))
    together = ideal_ratio_mask(batch, weights=weights, rate=RATE)
    for sources, estimates in zip(batch, together, strict=True):
        np.testing.assert_array_equal(masked(sources), estimates)
    assert ideal_ratio_mask(batch[:0], weights=weights[:0], rate=RATE).shape == (0, 2, RATE)


def test_the_mixture_as_estimates_by_hand() -> None:
    found = scaled_mixture(np.array([[1.0, 3.0], [0.0, -1.5]]), weights=np.tile(WEIGHTS, (2, 1)))
    assert found.tolist() == [[[4.0, 12.0], [4 / 3, 4.0]], [[0.0, -6.0], [0.0, -2.0]]]


def test_average_is_the_mixture_for_every_source() -> None:
    mixtures = np.arange(6, dtype=np.float32).reshape(2, 3) / 6
    found = average(mixtures, sources=3)
    assert found.shape == (2, 3, 3)
    assert found.dtype == np.float32
    assert (found == mixtures[:, None]).all()


def test_the_binary_mask_gives_every_point_to_the_loudest_source() -> None:
    sources = np.stack([LOW + 0.1 * HIGH, HIGH]).astype(np.float32)
    weights = np.array([[0.5, 0.5]])
    ((first, second),) = ideal_binary_mask(sources[None], weights=weights, rate=RATE)
    inner = slice(1000, -1000)
    np.testing.assert_allclose(first[inner], LOW[inner], atol=1e-2)  # its share of the high tone is lost
    np.testing.assert_allclose(second[inner], 1.1 * HIGH[inner], atol=1e-2)  # to the one that is louder there
