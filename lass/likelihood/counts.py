"""Sparse integer counts F[z_1, ..., z_N, m], what the likelihood is made of (step 2 of docs/method.md).

Convention: the sum of sources is commutative, so every position counts once for each of the N! orders of
its addends, also where two codes are equal. F is therefore exactly symmetric in z_1..z_N, its total is
N! times the number of positions, and F[z, z, m] of a pair grows by two with each position that shows it.
Where every source has a class of its own, positions may instead be counted once, in the order of the classes
(`symmetric=False`): a drum's code then never stands for a bass.

Nothing is normalised here: counts of shards merge by addition, whatever the shards were.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from lass.likelihood.keys import (
    Integers,
    check_sizes,
    encode_keys,
    expand_orders,
    flatten_codes,
    run_starts,
    sort_addends,
)
from lass.likelihood.settings import Counted
from lass.storage import damaged, read_sizes, write_tensors

FORM = "lass.counts"
VERSION = 1

_BLOCK = 1 << 16  # positions turned into keys at a time: the temporaries stay in the processor's cache


@dataclass(frozen=True)
class SparseCounts:
    """Non-zero entries of F, sorted by key; equal contents whatever the order in which they were counted.

    The key of an entry is ((m * K + z_1) * K + z_2) * K + ... + z_N, so entries of one m are neighbours.
    """

    keys: Integers  # [nnz], strictly increasing
    counts: Integers  # [nnz], positive
    codebook_size: int  # K
    sources: int  # N
    symmetric: bool = True  # whether every order of the addends was counted


class TupleCounter:
    """Counts tuples (z_1, ..., z_N, m) in memory that grows with the distinct tuples, not with the tuples.

    Keys gather in a buffer, with z_1..z_N in ascending order if counts are symmetric; a full buffer is
    sorted, run-length encoded and kept as a run. Runs merge whenever the older one is not at least twice as
    long as the newer, so every tuple takes part in a logarithmic number of merges. The N! orders of symmetric
    counts are restored when the counts are read.

    `codebook_size` is K, `sources` is N >= 2, `symmetric` says whether every order of the addends counts,
    `buffer` is the number of keys (8 bytes each) held before sorting.

    Raises ValueError for sizes out of bounds; K^(N+1) must stay below 2^63.
    """

    def __init__(
        self, *, codebook_size: int, sources: int, symmetric: bool = True, buffer: int = 4_000_000
    ) -> None:
        check_sizes(codebook_size=codebook_size, sources=sources)
        if buffer < 1:
            raise ValueError(f"buffer = {buffer}: give room for at least one key")
        self.codebook_size = codebook_size
        self.sources = sources
        self.symmetric = symmetric
        self._buffer: Integers = np.empty(buffer, dtype=np.int64)
        self._filled = 0
        self._runs: list[tuple[Integers, Integers]] = []

    def add(self, sources: np.ndarray, mixture: np.ndarray) -> None:
        """Count every position, once per order of the addends where these are to be symmetric.

        `sources` holds integer codes [N, ...], `mixture` integer codes [...] of the same positions.

        Raises ValueError for shapes that do not fit, codes that are no integers or lie outside [0, K).
        Nothing has been counted then.
        """
        codes, mixed = flatten_codes(
            sources, mixture, codebook_size=self.codebook_size, addends=self.sources
        )  # [N, P], [P]
        for start in range(0, mixed.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = [row[block].astype(np.int64) for row in codes]
            ordered = sort_addends(rows) if self.symmetric else rows
            self._push(encode_keys(ordered, mixed[block], codebook_size=self.codebook_size))

    def counts(self) -> SparseCounts:
        """Return the counts so far; counting may go on afterwards."""
        self._flush()
        while len(self._runs) > 1:
            self._merge_last()
        run = self._runs[0] if self._runs else (np.empty(0, np.int64), np.empty(0, np.int64))
        if self.symmetric:
            run = expand_orders(*run, codebook_size=self.codebook_size, sources=self.sources)
        return SparseCounts(
            *run, codebook_size=self.codebook_size, sources=self.sources, symmetric=self.symmetric
        )

    def _push(self, keys: Integers) -> None:
        while keys.size:
            taken = keys[: self._buffer.size - self._filled]
            self._buffer[self._filled : self._filled + taken.size] = taken
            self._filled += taken.size
            keys = keys[taken.size :]
            if self._filled == self._buffer.size:
                self._flush()

    def _flush(self) -> None:
        if not self._filled:
            return
        filled = self._buffer[: self._filled]
        filled.sort()
        starts = run_starts(filled)
        self._runs.append((filled[starts], np.diff(starts, append=filled.size)))
        self._filled = 0
        while len(self._runs) > 1 and self._runs[-2][0].size < 2 * self._runs[-1][0].size:
            self._merge_last()

    def _merge_last(self) -> None:
        newer = self._runs.pop()
        self._runs[-1] = _merge_runs(self._runs[-1], newer)


def merge_counts(parts: Iterable[SparseCounts]) -> SparseCounts:
    """Add counts of several shards; the result depends neither on their order nor on the split.

    The parts are taken one at a time: an iterator that reads shards from files holds one of them at a time.

    Raises ValueError when there is no part, or when K or N differ.
    """
    total: SparseCounts | None = None
    for part in parts:
        if total is None:
            total = part
            continue
        sizes = (part.codebook_size, part.sources, part.symmetric)
        if sizes != (total.codebook_size, total.sources, total.symmetric):
            raise ValueError(
                "counts with K = {}, N = {}, symmetric = {} cannot be added to counts with ".format(*sizes)
                + f"K = {total.codebook_size}, N = {total.sources}, symmetric = {total.symmetric}; count "
                "every shard alike, with one codebook"
            )
        keys, counts = _merge_runs((total.keys, total.counts), (part.keys, part.counts))
        total = SparseCounts(keys, counts, *sizes)
    if total is None:
        raise ValueError("no counts to merge; give at least one shard")
    return total


def write_counts(path: Path, counts: SparseCounts, *, counted: Counted | None = None) -> None:
    """Write counts to a safetensors file that says what was `counted`; equal counts give equal bytes."""
    write_tensors(
        Path(path),
        {"keys": counts.keys, "counts": counts.counts},
        form=FORM,
        version=VERSION,
        fields={
            "codebook_size": counts.codebook_size,
            "sources": counts.sources,
            "symmetric": counts.symmetric,
            "counted": counted and counted.model_dump(mode="json"),
        },
    )


def read_counts(path: Path, *, codebook_size: int | None = None, sources: int | None = None) -> SparseCounts:
    """Read counts; K and N must equal `codebook_size` and `sources` where these are given.

    Raises FileNotFoundError, or ValueError for a damaged file, another format or version, other sizes.
    """
    path = Path(path)
    expected = {"codebook_size": codebook_size, "sources": sources, "symmetric": None}
    sizes = read_sizes(path, form=FORM, version=VERSION, expected=expected)
    try:
        with safe_open(path, framework="numpy") as file:
            keys, counts = file.get_tensor("keys"), file.get_tensor("counts")
    except SafetensorError as error:
        raise damaged(path, str(error)) from error
    bound = sizes["codebook_size"] ** (sizes["sources"] + 1)
    if keys.dtype != np.int64 or counts.dtype != np.int64 or keys.ndim != 1 or keys.shape != counts.shape:
        raise damaged(path, "keys and counts are not integers of one length")
    if keys.size and (keys[0] < 0 or keys[-1] >= bound or (keys[1:] <= keys[:-1]).any() or counts.min() < 1):
        raise damaged(path, "keys are not increasing inside their bound, or a count is below one")
    return SparseCounts(keys, counts, sizes["codebook_size"], sizes["sources"], bool(sizes["symmetric"]))


def _merge_runs(
    older: tuple[Integers, Integers], newer: tuple[Integers, Integers]
) -> tuple[Integers, Integers]:
    """Add two sorted runs of (keys, counts); the longer one is searched for the keys of the shorter."""
    (keys, counts), (few, few_counts) = (older, newer) if older[0].size >= newer[0].size else (newer, older)
    if not few.size:
        return keys, counts
    at = np.searchsorted(keys, few)
    known = keys[np.minimum(at, keys.size - 1)] == few
    counts = counts.copy()
    counts[at[known]] += few_counts[known]
    if known.all():
        return keys, counts
    fresh = ~known
    places = at[fresh] + np.arange(np.count_nonzero(fresh))
    kept = np.ones(keys.size + places.size, dtype=bool)
    kept[places] = False
    merged_keys, merged_counts = np.empty(kept.size, np.int64), np.empty(kept.size, np.int64)
    merged_keys[places], merged_counts[places] = few[fresh], few_counts[fresh]
    merged_keys[kept], merged_counts[kept] = keys, counts
    return merged_keys, merged_counts
