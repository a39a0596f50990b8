"""Tuples (z_1, ..., z_N, m) as 64-bit keys ((m * K + z_1) * K + ...) * K + z_N, which sort by m first."""

from collections.abc import Iterable
from itertools import pairwise, permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

_SLAB = 1 << 18  # permuted keys sorted at a time: bounds the temporaries, measured fastest around here

Integers = NDArray[np.int64]


def check_sizes(*, codebook_size: int, sources: int) -> None:
    """Raise ValueError unless K >= 1, N >= 2 and K^(N+1) < 2^63, so that a tuple fits one 64-bit key."""
    if codebook_size < 1 or sources < 2:
        raise ValueError(f"K = {codebook_size}, N = {sources}: at least one code and two sources are needed")
    if codebook_size ** (sources + 1) >= 2**63:
        raise ValueError(
            f"K = {codebook_size}, N = {sources}: K^(N+1) must be below 2^63; "
            "use a smaller codebook or fewer sources"
        )


def flatten_codes(
    sources: np.ndarray, mixture: np.ndarray, *, codebook_size: int, addends: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return codes [N, ...] and [...] as [N, P] and [P] after checking shapes, dtype and range."""
    sources, mixture = np.asarray(sources), np.asarray(mixture)
    if sources.shape != (addends, *mixture.shape):
        raise ValueError(
            f"sources of shape {sources.shape} do not fit N = {addends} and a mixture "
            f"of shape {mixture.shape}; give [N, ...] and [...]"
        )
    for name, codes in (("source", sources), ("mixture", mixture)):
        if not np.issubdtype(codes.dtype, np.integer):
            raise ValueError(f"{name} codes are {codes.dtype}; give integers")
        if codes.size and (codes.min() < 0 or codes.max() >= codebook_size):
            wrong = codes.min() if codes.min() < 0 else codes.max()
            raise ValueError(
                f"{name} code {wrong} lies outside [0, {codebook_size}); use the tokens of this codebook"
            )
    return sources.reshape(addends, -1), mixture.reshape(-1)


def encode_keys(codes: Iterable[np.ndarray], mixture: np.ndarray, *, codebook_size: int) -> Integers:
    """Return the keys [P] of tuples given as N arrays [P] of source codes and mixture codes [P]."""
    keys = mixture.astype(np.int64)  # a copy, always
    for row in codes:
        keys *= codebook_size
        keys += row.astype(np.int64, copy=False)
    return keys


def find_keys(sorted_keys: Integers, keys: Integers) -> Integers:
    """Return the position of each key in `sorted_keys`, or -1 where it is absent."""
    if not sorted_keys.size:
        return np.full(keys.shape, -1, dtype=np.int64)
    places = np.searchsorted(sorted_keys, keys)
    at = np.minimum(places, sorted_keys.size - 1)
    return np.where(sorted_keys[at] == keys, at, -1)


def sort_addends(rows: list[Integers]) -> list[Integers]:
    """Sort z_1..z_N of every position by comparing neighbours; N is small, so no general sort is needed."""
    for last in range(len(rows) - 1, 0, -1):
        for n in range(last):
            low, high = np.minimum(rows[n], rows[n + 1]), np.maximum(rows[n], rows[n + 1])
            rows[n], rows[n + 1] = low, high
    return rows


def run_starts(ordered: Integers) -> Integers:
    """Return where each new value starts in a sorted array that is not empty."""
    changes = np.empty(ordered.size, dtype=bool)
    changes[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def expand_orders(
    keys: Integers, counts: Integers, *, codebook_size: int, sources: int
) -> tuple[Integers, Integers]:
    """Turn counts of ascending tuples into counts of every order, equal orders added up.

    Keys are grouped by m, and a permutation of the addends keeps m: whole groups are expanded slab by slab.
    """
    orders = factorial(sources)
    out_keys = np.empty(orders * keys.size, dtype=np.int64)
    out_counts = np.empty(orders * keys.size, dtype=np.int64)
    filled = 0
    for start, stop in pairwise(_slab_edges(keys, size=_SLAB // orders, group=codebook_size**sources)):
        slab_keys, slab_counts = _expand_slab(
            keys[start:stop], counts[start:stop], codebook_size=codebook_size, sources=sources
        )
        out_keys[filled : filled + slab_keys.size] = slab_keys
        out_counts[filled : filled + slab_keys.size] = slab_counts
        filled += slab_keys.size
    return out_keys[:filled], out_counts[:filled]


def _slab_edges(keys: Integers, *, size: int, group: int) -> list[int]:
    """Return edges that cut sorted keys at changes of key // group, about `size` keys apart."""
    edges = [0]
    while edges[-1] < keys.size:
        last = min(edges[-1] + max(size, 1), keys.size) - 1
        edges.append(int(np.searchsorted(keys, keys[last] - keys[last] % group + (group - 1), side="right")))
    return edges


def _expand_slab(
    keys: Integers, counts: Integers, *, codebook_size: int, sources: int
) -> tuple[Integers, Integers]:
    codes = []
    rest = keys
    for _ in range(sources):
        rest, code = np.divmod(rest, codebook_size)
        codes.append(code)
    every = [encode_keys(order, rest, codebook_size=codebook_size) for order in permutations(codes)]
    permuted = np.concatenate(every)
    order = np.argsort(permuted)
    permuted = permuted[order]
    starts = run_starts(permuted)
    return permuted[starts], np.add.reduceat(np.tile(counts, len(every))[order], starts)
