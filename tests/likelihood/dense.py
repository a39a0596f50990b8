"""The brute-force answer that the sparse likelihood is compared with: a dense array over every tuple."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from lass.likelihood.counts import SparseCounts, TupleCounter

Integers = NDArray[np.int64]


def dense_counts(sources: Integers, mixture: Integers, *, codebook_size: int) -> Integers:
    """Count F[m, z_1, ..., z_N] of codes [N, ...] and [...], one position and one order at a time."""
    dense = np.zeros((codebook_size,) * (len(sources) + 1), dtype=np.int64)
    for order in permutations(range(len(sources))):
        np.add.at(dense, (mixture, *sources[list(order)]), 1)
    return dense


def to_dense(counts: SparseCounts) -> Integers:
    """Spread sparse counts over a dense array [m, z_1, ..., z_N]."""
    dense = np.zeros((counts.codebook_size,) * (counts.sources + 1), dtype=np.int64)
    dense.reshape(-1)[counts.keys] = counts.counts
    return dense


def draw_codes(*, sources: int, codebook_size: int, positions: int, seed: int) -> tuple[Integers, Integers]:
    """Draw uniform codes [N, P] and [P]."""
    generator = np.random.default_rng(seed)
    return (
        generator.integers(0, codebook_size, (sources, positions)),
        generator.integers(0, codebook_size, positions),
    )


def count(sources: Integers, mixture: Integers, *, codebook_size: int, buffer: int = 64) -> SparseCounts:
    """Count codes [N, ...] and [...] in one go."""
    counter = TupleCounter(codebook_size=codebook_size, sources=len(sources), buffer=buffer)
    counter.add(sources, mixture)
    return counter.counts()
