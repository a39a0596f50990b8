"""The order of estimates against all orders tried one by one."""

import itertools

import numpy as np
import pytest

from lass.evaluation.metrics.orders import closest_order


@pytest.mark.parametrize("seed", range(5))
def test_order_is_the_best_of_all(seed: int) -> None:
    errors = np.random.default_rng(seed).random((4, 4))
    scores = {
        order: np.mean([-10 * np.log10(errors[source, place]) for source, place in enumerate(order)])
        for order in itertools.permutations(range(4))
    }
    assert tuple(closest_order(errors, labels=["a"] * 4)) == max(scores, key=lambda order: scores[order])


def test_only_sources_of_one_kind_change_places() -> None:
    errors = [[9.0, 1.0, 9.0], [1.0, 9.0, 9.0], [1.0, 1.0, 9.0]]
    assert closest_order(errors, labels="aab") == [1, 0, 2]
    assert closest_order(errors, labels="abb") == [0, 2, 1]
    assert closest_order(errors, labels="abc") == [0, 1, 2]


def test_ties_keep_the_order_and_exact_estimates_are_found() -> None:
    assert closest_order(np.zeros((3, 3)), labels="aaa") == [0, 1, 2]
    assert closest_order([[1.0, 0.0], [0.0, 1.0]], labels="aa") == [1, 0]
    # one exact estimate does not make the others arbitrary
    assert closest_order([[0.0, 1.0, 1.0], [1.0, 0.5, 0.1], [1.0, 0.1, 0.5]], labels="aaa") == [0, 2, 1]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and 2 labels"):
        closest_order(np.ones((2, 3)), labels="ab")
