"""Where random numbers come from: a stream for every purpose, so that no two things share their draws."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

PURPOSES: Mapping[str, int] = MappingProxyType(
    {
        "mixtures": 0,
        "tuples": 1,
        "training": 2,
        "validation": 3,
        "augmentation": 4,
        "weights": 5,
        "decoding": 6,
        "methods": 8,
        "frequencies": 9,
        "examples": 10,
        "levels": 11,
        "shifts": 12,
    }
)
"""What random numbers are for -> the code that keeps their streams apart. A code is never given twice.

Code 0 adds nothing to what a generator is seeded with, as numpy ignores trailing zeros: mixtures are drawn
from the stream of (seed, number). They are given one number each, lest the last of two be taken for a code.
The networks of a run share the streams of training, validation and weights, as what they draw from differs.
"""


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """The stream of random numbers for `purpose`, of a run's `seed`, and of what is drawn.

    `numbers` say which of several streams of one purpose is meant: a group, a step, a mixture. A purpose is
    always given as many of them. ValueError for a purpose without a code, or negative numbers.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"nothing is drawn for {purpose!r}: use one of {', '.join(PURPOSES)}")
    if min(seed, *numbers, 0) < 0:
        raise ValueError(f"seed {seed} and numbers {numbers}: give 0 or more")
    if purpose == "mixtures" and len(numbers) != 1:
        raise ValueError(f"mixtures are drawn by one number each, not by {numbers}: give one")
    return np.random.default_rng((seed, *numbers, PURPOSES[purpose]))
