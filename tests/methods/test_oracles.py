"""The ideal ratio mask on sounds whose spectrograms overlap or do not."""

import numpy as np
import pytest

from lass.methods.oracles import ideal_ratio_mask

RATE = 8000
TIME = np.arange(RATE) / RATE
LOW, HIGH = np.sin(2 * np.pi * 200 * TIME), np.sin(2 * np.pi * 3000 * TIME)
WEIGHTS = np.array([0.25, 0.75])


def error(estimates: np.ndarray, sources: np.ndarray) -> float:
    """Relative to the sources, away from the edges."""
    inner = slice(1000, -1000)
    return float(np.linalg.norm((estimates - sources)[:, inner]) / np.linalg.norm(sources[:, inner]))


def test_sounds_of_different_frequencies_are_told_apart() -> None:
    sources = np.stack([LOW, HIGH]).astype(np.float32)
    assert error(ideal_ratio_mask(sources, weights=WEIGHTS, rate=RATE), sources) < 1e-3


def test_noise_upon_noise_is_not() -> None:
    sources = np.random.default_rng(0).normal(size=(2, RATE)).astype(np.float32)
    assert 0.2 < error(ideal_ratio_mask(sources, weights=WEIGHTS, rate=RATE), sources) < 1


def test_estimates_add_up_to_the_mixture() -> None:
    sources = np.random.default_rng(1).normal(size=(3, RATE)).astype(np.float32)
    weights = np.array([0.2, 0.3, 0.5])
    estimates = ideal_ratio_mask(sources, weights=weights, rate=RATE)
    assert estimates.dtype == np.float32
    np.testing.assert_allclose(weights @ estimates, weights @ sources, atol=1e-5)


def test_silence_and_mixtures_that_are_too_short() -> None:
    assert not ideal_ratio_mask(np.zeros((2, RATE)), weights=WEIGHTS, rate=RATE).any()
    with pytest.raises(ValueError, match="200 samples are less than half a window of 512"):
        ideal_ratio_mask(np.ones((2, 200)), weights=WEIGHTS, rate=RATE)
