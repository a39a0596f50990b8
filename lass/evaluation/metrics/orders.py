"""The order of the estimates of one mixture where nothing says which estimate is which source."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_TINY = 1e-30  # an exact estimate has no error to take the logarithm of


def closest_order(errors: ArrayLike, *, labels: Sequence[str]) -> list[int]:
    """The order of N estimates with the highest mean score in dB, that is with the lowest mean log error.

    `errors` [N, N] is the energy (or MSE) of what separates source n (row) from estimate p (column). The
    result names the estimate of each source. Only sources of equal `labels` (N of them) may change places:
    those that one unconditional prior models. Ties keep the order as it is.

    Raises ValueError where `errors` is not [N, N] for N labels.
    """
    costs = np.log(np.asarray(errors, dtype=np.float64) + _TINY)  # [N, N]
    if costs.shape != (len(labels), len(labels)):
        raise ValueError(f"errors of shape {costs.shape} and {len(labels)} labels: give [N, N] and N of them")
    places = range(len(labels))
    allowed = [
        list(order)
        for order in itertools.permutations(places)
        if all(labels[place] == labels[source] for source, place in enumerate(order))
    ]
    return min(allowed, key=lambda order: float(costs[places, order].sum()))
