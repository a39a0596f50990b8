"""Changes of the order within a mixture, counted by hand."""

import numpy as np
import pytest

from lass.evaluation.metrics.swaps import count_swaps

RATE, SIZE = 100, 50  # half a second
ALIKE = ["any", "any"]


def sources(segments: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, segments * SIZE))


def swapped(true: np.ndarray, *segments: int) -> np.ndarray:
    """Estimates that change places in these segments."""
    estimates = true.copy()
    for segment in segments:
        part = slice(segment * SIZE, (segment + 1) * SIZE)
        estimates[:, part] = true[::-1, part]
    return estimates


@pytest.mark.parametrize(
    ("places", "swaps"), [((), 0), ((0, 1, 2, 3), 0), ((2, 3), 1), ((1,), 2), ((0, 2), 3)]
)
def test_swaps_by_hand(places: tuple[int, ...], swaps: int) -> None:
    true = sources(4)
    assert count_swaps(swapped(true, *places), true, labels=ALIKE, rate=RATE) == (swaps, 3)


def test_nothing_is_judged_where_a_source_is_silent() -> None:
    true = sources(4)
    true[0, SIZE : 2 * SIZE] *= 0.01
    assert count_swaps(swapped(true, 1), true, labels=ALIKE, rate=RATE) == (0, 2)
    assert count_swaps(swapped(true, 1, 2, 3), true, labels=ALIKE, rate=RATE) == (1, 2), "before and after it"


def test_only_equal_labels_change_places() -> None:
    true = sources(2)
    assert count_swaps(swapped(true, 1), true, labels=["one", "other"], rate=RATE) == (0, 1)


def test_short_mixtures_and_wrong_shapes() -> None:
    assert count_swaps(sources(1), sources(1), labels=ALIKE, rate=RATE) == (0, 0)
    assert count_swaps(sources(1)[:, :20], sources(1)[:, :20], labels=ALIKE, rate=RATE) == (0, 0)
    with pytest.raises(ValueError, match=r"estimates are \(2, 50\), sources \(2, 100\) and labels 2: give"):
        count_swaps(sources(1), sources(2), labels=ALIKE, rate=RATE)
