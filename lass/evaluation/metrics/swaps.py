"""Estimates that change places within a mixture: what a mean over the whole of it does not show."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from lass.evaluation.metrics.orders import closest_order

SEGMENT = 0.5  # seconds in which an order is judged
ACTIVE = 0.1  # of a source's own root mean square: where it is softer, nothing can be judged


def count_swaps(
    estimates: ArrayLike, sources: ArrayLike, *, labels: Sequence[str], rate: int, segment: float = SEGMENT
) -> tuple[int, int]:
    """How often the best order of the estimates changes, and between how many pairs of segments it could.

    `estimates` and `sources` are [N, T] at `rate` Hz. In every `segment` seconds in which all sources sound,
    the best order is the one of the lowest mean log error (`closest_order`), among those in which only
    sources of equal `labels` (N) change places. Two such segments that follow each other, with or without
    others between, are a pair.

    ValueError where the shapes differ or there are other than N labels.
    """
    estimated, true = (np.asarray(each, dtype=np.float64) for each in (estimates, sources))
    if estimated.shape != true.shape or true.ndim != 2 or len(labels) != len(true):
        raise ValueError(
            f"estimates are {estimated.shape}, sources {true.shape} and labels {len(labels)}: give [N, T] "
            "twice, and N of them"
        )
    size = max(1, round(segment * rate))
    parts = true.shape[1] // size
    own, theirs = (each[:, : parts * size].reshape(len(true), parts, size) for each in (estimated, true))
    powers = np.square(theirs).mean(axis=2)  # [N, parts]
    sounding = (powers > ACTIVE**2 * np.square(true).mean(axis=1, keepdims=True)).all(axis=0)
    orders = [
        closest_order(np.square(theirs[:, None, part] - own[None, :, part]).sum(axis=2), labels=labels)
        for part in np.flatnonzero(sounding)
    ]
    return sum(a != b for a, b in pairwise(orders)), max(0, len(orders) - 1)
