"""Streams of (z_1, z_2, m) that look like tokens: skewed codes, a mixture code that follows from its pair."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]
Block = tuple[Codes, Codes]  # sources [N, P], mixture [P]

CODEBOOK_SIZE = 1024
SOURCES = 2
BLOCK = 250_000  # tuples in one block of a stream

_EXPONENT = 0.8  # frequency of the code of rank r falls as r^-0.8
_NOISE = 0.7  # the mixture code is the pair's own with probability 0.3, one beside it with 0.3 * 0.7, ...


def skewed_stream(tuples: int, *, seed: int) -> Iterator[Block]:
    """Yield tuples whose distinct ones grow ever more slowly, as those of real token sequences do."""
    generator = np.random.default_rng(seed)
    frequencies = 1 / np.arange(1, CODEBOOK_SIZE + 1) ** _EXPONENT
    sources_of = [generator.permutation(CODEBOOK_SIZE)[_quantiles(frequencies)] for _ in range(SOURCES)]
    noise_of = _quantiles(_NOISE ** np.arange(64))
    mixture_of = generator.integers(0, CODEBOOK_SIZE, (CODEBOOK_SIZE, CODEBOOK_SIZE))
    for start in range(0, tuples, BLOCK):
        draws = generator.integers(0, 2**16, (SOURCES + 1, min(BLOCK, tuples - start)), dtype=np.uint16)
        sources = np.stack([table[draw] for table, draw in zip(sources_of, draws, strict=False)])
        mixture = (mixture_of[sources.min(0), sources.max(0)] + noise_of[draws[-1]]) % CODEBOOK_SIZE
        yield sources.astype(np.uint16), mixture.astype(np.uint16)


def closed_stream(tuples: int, *, seed: int, pool: int) -> Iterator[Block]:
    """Yield `pool` skewed tuples, then draws from these only: the distinct tuples stop growing."""
    blocks = list(skewed_stream(min(pool, tuples), seed=seed))
    known = np.concatenate([np.vstack([sources, mixture]) for sources, mixture in blocks], axis=1)
    yield from blocks
    generator = np.random.default_rng([seed, 1])
    for start in range(known.shape[1], tuples, BLOCK):
        drawn = known[:, generator.integers(0, known.shape[1], min(BLOCK, tuples - start))]
        yield drawn[:-1], drawn[-1]


def _quantiles(weights: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return 2^16 indices in proportion to `weights`: a uniform draw among them is a weighted draw."""
    steps = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(steps, (np.arange(2**16) + 0.5) / 2**16), len(weights) - 1)
