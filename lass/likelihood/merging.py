"""Counts of shards to the likelihood, out of core: the table may be larger than the memory.

Shards lie on disk, sorted by key. They are added up range by range of keys into one file of entries, and the
entries are normalised bucket by bucket of tuples (z_1, ..., z_N), each as large as the memory allows. The
result has the bytes of `write_likelihood(build_likelihood(merge_counts(...)))`.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lass.likelihood.counts import FORM as COUNTS
from lass.likelihood.counts import VERSION as COUNTS_VERSION
from lass.likelihood.keys import Integers, run_starts
from lass.likelihood.tensor import FORM, VERSION, sums_over_mixture, tuple_dtype
from lass.storage import damaged, mapped_tensors, read_arrays, read_header, read_sizes
from lass.writing import aside_of, explained, sweep

ENTRY = 96  # bytes that an entry takes at most while it is added up or normalised
LEAST = 1 << 16  # entries that are handled at once in any memory


@dataclass(frozen=True)
class Merged:
    """What a table consists of."""

    entries: int  # of F
    total: int  # sum of all counts


def merge_to_likelihood(parts: Sequence[Path], target: Path, *, memory: int) -> Merged:
    """Add up the counts in the files `parts`, normalise them, and write the likelihood to `target`.

    Args:
        parts: files of `lass.likelihood.counts.write_counts` with one K and N, all symmetric or none; their
            order does not matter. All say the same of what was counted, and so does the likelihood.
        target: the likelihood file; appears complete or not at all.
        memory: bytes that may be held; 16 bytes per entry of F lie on disk beside `target` meanwhile.

    Raises ValueError when there is no part, where these differ, and for a damaged file, which it names.
    """
    shards, size, sources = open_shards(parts)
    counted = what_was_counted(parts)
    at_once = max(LEAST, memory // ENTRY)
    with scratch(target) as folder:
        with (folder / "keys").open("wb") as keys, (folder / "counts").open("wb") as counts:
            for summed in add_up(shards, bound=size ** (sources + 1), at_once=at_once):
                keys.write(summed[0].tobytes())
                counts.write(summed[1].tobytes())
        merged_keys, merged_counts = read_entries(folder)
        number = len(merged_keys)
        shapes: dict[str, tuple[tuple[int, ...], np.dtype]] = {
            "offsets": ((size + 1,), np.dtype(np.int64)),
            "tuples": ((number, sources), np.dtype(tuple_dtype(size))),
            "log_likelihood": ((number,), np.dtype(np.float32)),
        }
        fields = {"codebook_size": size, "sources": sources, "counted": counted}
        with mapped_tensors(target, shapes, form=FORM, version=VERSION, fields=fields) as out:
            out["offsets"][:] = np.searchsorted(merged_keys, np.arange(size + 1) * size**sources)
            split_tuples(merged_keys, out["tuples"], size=size, at_once=at_once)
            normalise(merged_keys, merged_counts, out["log_likelihood"], space=size**sources, at_once=at_once)
        return Merged(number, int(merged_counts.sum()))


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, of this process alone; what killed ones left goes first."""
    folder = aside_of(target.with_suffix(".merging"))
    with explained(target, folder):
        folder.mkdir(parents=True)
        sweep(folder.parent)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def read_entries(folder: Path) -> tuple[Integers, Integers]:
    """Keys and counts of F, mapped from their files; empty where nothing was counted."""
    if not (folder / "keys").stat().st_size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys, counts = (np.memmap(folder / name, dtype=np.int64, mode="r") for name in ("keys", "counts"))
    return keys, counts


@dataclass(frozen=True)
class Shard:
    """Counts in a file, mapped."""

    path: Path
    keys: Integers
    counts: Integers


def open_shards(parts: Sequence[Path]) -> tuple[list[Shard], int, int]:
    """The shards, K and N."""
    if not parts:
        raise ValueError("no counts to merge; give at least one shard")
    shards = []
    wanted: dict[str, int | None] = {"codebook_size": None, "sources": None, "symmetric": None}
    for path in parts:
        sizes = read_sizes(path, form=COUNTS, version=COUNTS_VERSION, expected=wanted)
        wanted = {**sizes}
        tensors = read_arrays(path)
        if set(tensors) != {"keys", "counts"}:
            raise damaged(path, f"it holds {sorted(tensors)} in place of keys and counts")
        keys, counts = (tensors[name] for name in ("keys", "counts"))
        if keys.dtype != np.int64 or counts.dtype != np.int64 or keys.ndim != 1 or keys.shape != counts.shape:
            raise damaged(path, "keys and counts are not integers of one length")
        shards.append(Shard(path, keys, counts))
    return shards, sizes["codebook_size"], sizes["sources"]


def what_was_counted(parts: Sequence[Path]) -> Any:
    """What the headers of all shards say that was counted; ValueError where two differ."""
    said = [read_header(path, form=COUNTS, version=COUNTS_VERSION).get("counted") for path in parts]
    for path, one in zip(parts, said, strict=True):
        if one != said[0]:
            raise ValueError(f"{path}: of {one}, but {parts[0]} is of {said[0]}: count every shard alike")
    return said[0]


def add_up(shards: Sequence[Shard], *, bound: int, at_once: int) -> Iterator[tuple[Integers, Integers]]:
    """Keys in ascending order with their summed counts, `at_once` entries of all shards at most.

    Shards are cut in two where the range of keys holds too much, until every range fits.
    """
    ranges = [(0, bound, [(0, len(shard.keys)) for shard in shards])]
    while ranges:
        low, high, edges = ranges.pop()
        if sum(last - first for first, last in edges) > at_once and high - low > 1:
            middle = median_key(shards, edges, low, high)
            cuts = [
                first + int(np.searchsorted(shard.keys[first:last], middle))
                for shard, (first, last) in zip(shards, edges, strict=True)
            ]
            ranges.append((middle, high, [(cut, last) for cut, (_, last) in zip(cuts, edges, strict=True)]))
            ranges.append((low, middle, [(first, cut) for cut, (first, _) in zip(cuts, edges, strict=True)]))
            continue
        pieces = [checked(shard, *edge, low, high) for shard, edge in zip(shards, edges, strict=True)]
        keys = np.concatenate([piece[0] for piece in pieces])
        if keys.size:
            order = np.argsort(keys, kind="stable")
            keys = keys[order]
            starts = run_starts(keys)
            counts = np.concatenate([piece[1] for piece in pieces])[order]
            yield keys[starts], np.add.reduceat(counts, starts)


def median_key(shards: Sequence[Shard], edges: Sequence[tuple[int, int]], low: int, high: int) -> int:
    """A key inside (low, high) with half of the keys of that range of the longest shard on either side."""
    shard, (first, last) = max(zip(shards, edges, strict=True), key=lambda pair: pair[1][1] - pair[1][0])
    return min(max(int(shard.keys[(first + last) // 2]), low + 1), high - 1)


def checked(shard: Shard, first: int, last: int, low: int, high: int) -> tuple[Integers, Integers]:
    """Entries `first` to `last` of a shard, all of which must lie in [low, high)."""
    keys, counts = shard.keys[first:last], shard.counts[first:last]
    if keys.size and (keys[0] < low or keys[-1] >= high or (keys[1:] <= keys[:-1]).any() or counts.min() < 1):
        raise damaged(shard.path, "keys are not increasing inside their bound, or a count is below one")
    return keys, counts


def split_tuples(keys: Integers, out: np.ndarray, *, size: int, at_once: int) -> None:
    """Write z_1..z_N of every key to `out` [nnz, N]."""
    for begin in range(0, len(keys), at_once):
        rest = np.array(keys[begin : begin + at_once])
        for column in range(out.shape[1] - 1, -1, -1):
            rest, out[begin : begin + len(rest), column] = np.divmod(rest, size)


def normalise(keys: Integers, counts: Integers, out: np.ndarray, *, space: int, at_once: int) -> None:
    """Write log(F / sum over m of F) of every entry to `out` [nnz]; `space` is K^N.

    Entries of one tuple are far apart, as m comes first. Tuples fall into buckets by a hash, and the entries
    of one bucket after the other are gathered from the whole file.
    """
    buckets = -(-len(keys) // at_once)
    for bucket in range(buckets):
        places = []
        for begin in range(0, len(keys), at_once):
            tuples = keys[begin : begin + at_once] % space
            mine = np.flatnonzero(bucket_of(tuples, buckets) == bucket)
            places.append(begin + mine)
        at = np.concatenate(places)
        held = counts[at]
        out[at] = np.log(held / sums_over_mixture(keys[at] % space, held)).astype(np.float32)


def bucket_of(tuples: Integers, buckets: int) -> Integers:
    """A bucket in [0, buckets) of each tuple key, by Fibonacci hashing: even for any distribution of keys."""
    mixed = tuples.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) % np.uint64(buckets)).astype(np.int64)
