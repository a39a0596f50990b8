"""Scores against formulas worked out by hand."""

import math
import subprocess
import sys

import numpy as np
import pytest

from lass.evaluation.metrics.sdr import (
    SeparationScores,
    best_order,
    evaluate_separation,
    scale_invariant_sdr,
    signal_to_distortion,
)

RATE = 1000
FRAMEWISE = ("sdr", "isr", "sir", "sar")
ALL = (*FRAMEWISE, "sdr_chunk", "si_sdr")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def decibels(signal: np.ndarray, error: np.ndarray) -> float:
    return 10 * math.log10(float((signal**2).sum()) / float((error**2).sum()))


def test_framewise_sdr_is_the_median_of_the_formula_over_whole_frames() -> None:
    references = noise(2, 3 * RATE + 400)
    estimates = references + np.linspace(0.05, 1.0, 3 * RATE + 400) * noise(2, 3 * RATE + 400, seed=1)
    scores = evaluate_separation(estimates, references, rate=RATE)
    for source in range(2):
        frames = [
            decibels(references[source, s : s + RATE], (references - estimates)[source, s : s + RATE])
            for s in (0, RATE, 2 * RATE)  # the last 400 samples make no frame
        ]
        assert scores.sdr[source] == pytest.approx(sorted(frames)[1], abs=1e-6)
    assert scores.nan_frames == 0


def test_overlapping_frames_follow_the_hop() -> None:
    references, error = noise(2, 2 * RATE), noise(2, 2 * RATE, seed=1) * np.linspace(0.1, 1, 2 * RATE)
    scores = evaluate_separation(references + error, references, rate=RATE, hop=0.5)
    frames = [decibels(references[0, s : s + RATE], error[0, s : s + RATE]) for s in (0, 500, 1000)]
    assert scores.sdr[0] == pytest.approx(frames[1], abs=1e-6)


def test_whole_chunk_sdr_and_si_sdr_by_hand() -> None:
    reference = np.array([[3.0, 4.0, 0.0]])
    estimate = np.array([[3.0, 4.0, 5.0]])  # error (0, 0, 5), orthogonal to the reference
    assert signal_to_distortion(estimate, reference) == pytest.approx([0.0])
    assert scale_invariant_sdr(estimate, reference) == pytest.approx([0.0])
    assert signal_to_distortion(estimate / 2, reference) == pytest.approx([10 * math.log10(25 / 12.5)])
    assert scale_invariant_sdr(estimate / 2, reference) == pytest.approx([0.0])  # a factor changes nothing
    # <s_hat, s> = 7 of ||s||^2 = 25: target (0.84, 1.12, 0), distance to (1, 1, 0): (0.16, -0.12, 0)
    skewed = scale_invariant_sdr(np.array([[1.0, 1.0, 0.0]]), reference)
    assert skewed == pytest.approx([10 * math.log10(1.96 / 0.04)])


def test_si_sdr_removes_no_mean() -> None:
    constant = scale_invariant_sdr(np.array([[2.0, 2.0]]), np.array([[1.0, 1.0]]))
    assert constant == pytest.approx([math.inf])


def test_mixture_as_the_estimate_scores_the_ratio_of_the_sources() -> None:
    sources = noise(2, 3 * RATE) * np.array([[1.0], [0.5]])
    scores = evaluate_separation(np.tile(sources.sum(axis=0), (2, 1)), sources, rate=RATE)
    ratio = decibels(sources[0], sources[1])
    assert scores.sdr_chunk == pytest.approx([ratio, -ratio])
    assert scores.sdr == pytest.approx([ratio, -ratio], abs=0.5)
    assert (scores.sar > 100).all()  # the mixture is made of the sources alone


def test_perfect_estimate_is_infinite() -> None:
    references = noise(2, 3 * RATE)
    scores = evaluate_separation(references, references, rate=RATE)
    assert np.isposinf(scores.sdr).all()
    assert np.isposinf(scores.sdr_chunk).all()
    assert scores.nan_frames == 0


@pytest.mark.parametrize("silent", ["reference", "estimate"])
def test_frame_with_a_silent_source_is_left_out_for_every_source(silent: str) -> None:
    references = noise(2, 3 * RATE)
    estimates = references + 0.1 * noise(2, 3 * RATE, seed=1)
    (references if silent == "reference" else estimates)[1, :RATE] = 0.0
    scores = evaluate_separation(estimates, references, rate=RATE)
    frames = [
        decibels(references[0, s : s + RATE], (references - estimates)[0, s : s + RATE])
        for s in (RATE, 2 * RATE)
    ]
    assert scores.nan_frames == 1
    assert scores.sdr[0] == pytest.approx(np.mean(frames), abs=1e-6)
    assert all(np.isfinite(getattr(scores, name)).all() for name in ALL)


def test_silent_chunk_has_no_framewise_score() -> None:
    references, estimates = noise(2, 3 * RATE), noise(2, 3 * RATE, seed=1)
    estimates[1] = 0.0
    scores = evaluate_separation(estimates, references, rate=RATE)
    assert scores.nan_frames == 3
    assert all(np.isnan(getattr(scores, name)).all() for name in FRAMEWISE)
    assert scores.sdr_chunk[1] == pytest.approx(0.0)  # all that is missed is the source itself
    assert np.isnan(scores.si_sdr[1])
    assert np.isnan(evaluate_separation(references, estimates, rate=RATE).sdr_chunk[1])


def test_scores_do_not_depend_on_the_precision_of_the_input() -> None:
    references = noise(3, 2 * RATE).astype(np.float32)
    estimates = references + np.float32(0.1) * noise(3, 2 * RATE, seed=1).astype(np.float32)
    single = evaluate_separation(estimates, references, rate=RATE)
    double = evaluate_separation(estimates.astype(np.float64), references.astype(np.float64), rate=RATE)
    for name in ALL:
        np.testing.assert_array_equal(getattr(single, name), getattr(double, name))
        assert getattr(single, name).shape == (3,)


@pytest.mark.parametrize(
    ("estimates", "references", "options", "message"),
    [
        (np.ones((2, 2000)), np.ones((2, 2001)), {}, r"\(2, 2000\) and references \(2, 2001\)"),
        (np.ones(2000), np.ones(2000), {}, r"estimates have the shape \(2000,\)"),
        (np.ones((0, 2000)), np.ones((0, 2000)), {}, r"shape \(0, 2000\)"),
        (np.full((2, 2000), np.nan), np.ones((2, 2000)), {}, "estimates hold 4000 samples that are NaN"),
        (np.ones((2, 2000)), np.full((2, 2000), np.inf), {}, "references hold 4000 samples"),
        (np.ones((2, 999)), np.ones((2, 999)), {}, "999 samples is shorter than one frame of 1000"),
        (np.ones((2, 2000)), np.ones((2, 2000)), {"rate": 0}, "rate=0 Hz"),
        (np.ones((2, 2000)), np.ones((2, 2000)), {"window": 0.0}, r"window=0\.0 s"),
        (np.ones((2, 2000)), np.ones((2, 2000)), {"hop": -1.0}, r"hop=-1\.0 s"),
    ],
)
def test_bad_input_is_named(
    estimates: np.ndarray, references: np.ndarray, options: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_separation(estimates, references, **{"rate": RATE, **options})  # type: ignore[arg-type]


def test_ffmpeg_is_not_needed() -> None:
    code = (
        "import sys, numpy as np; from lass.evaluation.metrics.sdr import evaluate_separation;"
        "evaluate_separation(np.eye(2, 600), np.eye(2, 600), rate=600);"
        "assert not {'musdb', 'stempeg', 'museval'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scores_are_frozen() -> None:
    scores = evaluate_separation(noise(1, RATE), noise(1, RATE, seed=1), rate=RATE)
    assert isinstance(scores, SeparationScores)
    with pytest.raises(AttributeError):
        scores.nan_frames = 1  # type: ignore[misc]


def test_only_sources_of_one_kind_change_places() -> None:
    references = noise(3, 200)
    estimates = references[[2, 1, 0]] + 0.1 * noise(3, 200, seed=1)
    assert best_order(estimates, references, labels=["a", "a", "a"]) == [2, 1, 0]
    assert best_order(estimates, references, labels=["a", "b", "a"]) == [2, 1, 0]
    assert best_order(estimates, references, labels=["a", "b", "b"]) == [0, 1, 2]
    assert best_order(references, references, labels=["a", "a", "a"]) == [0, 1, 2]


def test_a_kind_is_needed_for_every_source() -> None:
    with pytest.raises(ValueError, match="labels 1"):
        best_order(noise(2, 10), noise(2, 10), labels=["a"])
