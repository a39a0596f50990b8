"""PSNR against values worked out by hand."""

import math

import numpy as np
import pytest

from lass.evaluation.metrics.psnr import best_psnr, psnr

DIGITS = np.random.default_rng(0).random((3, 49))


def test_by_hand() -> None:
    sources = np.array([[0.0, 0.5, 1.0, 0.5], [0.0, 0.0, 0.0, 0.0]])
    estimates = np.array([[0.1, 0.6, 0.9, 0.4], [0.2, 0.0, 0.0, 0.0]])
    # errors of 0.1 everywhere: MSE 0.01; one error of 0.2 in four pixels: MSE 0.01 too
    assert psnr(estimates, sources) == pytest.approx([20.0, 20.0])
    assert psnr(np.ones((1, 4)), np.zeros((1, 4))) == pytest.approx([0.0])


def test_estimates_are_clamped_first() -> None:
    sources = np.array([[0.0, 1.0, 0.5, 0.5]])
    assert psnr(np.array([[-7.0, 3.0, 0.6, 0.4]]), sources) == pytest.approx([10 * math.log10(1 / 0.005)])
    assert psnr(np.array([[-7.0, 3.0, 0.5, 0.5]]), sources) == [math.inf]


def test_the_mean_over_images_is_not_the_psnr_of_the_batch() -> None:
    sources = np.zeros((2, 4))
    estimates = np.array([[0.1] * 4, [1.0] * 4])
    assert psnr(estimates, sources).mean() == pytest.approx(10.0)  # of 20 dB and 0 dB
    together = psnr(estimates.reshape(1, 8), sources.reshape(1, 8))
    assert together == pytest.approx([10 * math.log10(2 / 1.01)])  # MSE 0.505: 2.97 dB


def test_equal_images_are_infinite_black_ones_too() -> None:
    images = np.stack([DIGITS[0], np.zeros(49)])
    assert np.isposinf(psnr(images, images)).all()
    found = best_psnr(np.stack([DIGITS[0], np.full(49, 0.1)]), images, labels="aa")
    assert found.psnr == pytest.approx([math.inf, 20.0])
    assert found.mean == math.inf


def test_best_order_of_one_kind() -> None:
    estimates = DIGITS[[2, 0, 1]] + 0.01 * DIGITS[::-1]
    found = best_psnr(estimates, DIGITS, labels=["digit"] * 3)
    assert found.order == [1, 2, 0]
    np.testing.assert_array_equal(found.psnr, psnr(estimates[found.order], DIGITS))
    assert found.mean == pytest.approx(found.psnr.mean())


def test_sources_of_different_labels_keep_their_places() -> None:
    swapped = DIGITS[[1, 0, 2]]
    assert best_psnr(swapped, DIGITS, labels=["one", "two", "three"]).order == [0, 1, 2]
    assert best_psnr(swapped, DIGITS, labels=["one", "one", "two"]).order == [1, 0, 2]


def test_the_best_order_is_chosen_by_decibels_not_by_mse() -> None:
    sources = np.array([[0.0], [0.4]])
    estimates = np.array([[0.401], [0.799]])
    # as given: errors 0.401, 0.399, summed squares 0.32; swapped: 0.799, 0.001, summed squares 0.64
    assert best_psnr(estimates, sources, labels="aa").order == [1, 0]


def test_precision_of_the_input_does_not_matter() -> None:
    single = DIGITS.astype(np.float32)
    noisy = single[::-1].copy()
    np.testing.assert_array_equal(psnr(noisy, single), psnr(noisy.astype(float), single.astype(float)))


@pytest.mark.parametrize(
    ("estimates", "sources", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), r"\(2, 3\) and sources \(3, 3\)"),
        (np.zeros(3), np.zeros(3), r"give both as \[N, T\]"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "none of them 0"),
        (np.array([[math.nan, math.inf]]), np.zeros((1, 2)), "2 pixels that are NaN"),
        (np.zeros((1, 2)), np.array([[0.0, 255.0]]), r"\[0, 255\].*divide bytes by 255"),
        (np.zeros((1, 2)), np.array([[0.0, math.nan]]), "sources lie in"),
    ],
)
def test_what_cannot_be_scored_is_refused(estimates: np.ndarray, sources: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        psnr(estimates, sources)
    with pytest.raises(ValueError, match=message):
        best_psnr(estimates, sources, labels="a" * len(sources))


def test_another_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="2 labels"):
        best_psnr(DIGITS, DIGITS, labels="ab")
