"""A step of beam search on a GPU in two kernels: the best tuples of each tile, then the best of all (Triton).

A continuation is an integer that orders as it does: its score, then its hypothesis, then its place in the
slice, so that ties need no second look and no step waits for the GPU.

Imported where tensors lie on a GPU, and by the tests, which run it in Triton's interpreter.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from lass.likelihood.tensor import Likelihood

TILE = 1024  # tuples that one program looks at
AT_ONCE = 4096  # winners of a slice that one program looks at
WIDEST = 32  # hypotheses that one program compares: more take minutes to compile
PLACES = 2**32  # continuations of a hypothesis by a tuple that can be told apart
NONE = tl.constexpr(-(2**63))  # the key of what does not exist: below every other
LOWEST = tl.constexpr(-1.7976931348623157e308)


@triton.jit
def keys_of(scores, places):  # type: ignore[no-untyped-def]
    """Integers in the order of `scores`, float32, and of equals the first of `places` is the largest."""
    bits = scores.to(tl.int32, bitcast=True)
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
    return (ordered << 32) | (0xFFFFFFFF - places)


@triton.jit
def scores_of(keys):  # type: ignore[no-untyped-def]
    """The scores that `keys` were made of."""
    ordered = (keys >> 32).to(tl.int32)
    return (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit  # type: ignore[untyped-decorator]
def peak_of(scores, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """The highest of WIDTH `scores`; finite where no hypothesis is left."""
    index = tl.arange(0, triton.next_power_of_2(WIDTH))
    return tl.maximum(tl.max(tl.load(scores + index, mask=index < WIDTH, other=LOWEST), axis=0), LOWEST)


@triton.jit
def extent_of(slices, position, batch, item):  # type: ignore[no-untyped-def]
    """Where the slice of a mixture's code begins, and how many tuples it has."""
    code = tl.load(slices[3] + position.to(tl.int64) * batch + item)
    first = tl.load(slices[0] + code)
    return first, tl.load(slices[0] + code + 1) - first


@triton.jit(do_not_specialize=["position"])  # type: ignore[untyped-decorator]
def tile_winners(  # type: ignore[no-untyped-def]
    tables,  # [N, B, W, K] float32: log p_n(z_n | past)
    slices,  # offsets [K + 1], tuples [entries, N], lambda * log p(m | z_1..z_N) [entries], m [S, B]
    scores,  # [S + 1, B, W] float64
    winners,  # [B, tiles, M] int64: written
    position,
    SIZES: tl.constexpr,  # N, W, K, tuples of a tile and M, both powers of two
):
    """The M best tuples of a tile by their best continuation."""
    SOURCES: tl.constexpr = SIZES[0]
    WIDTH: tl.constexpr = SIZES[1]
    TUPLES: tl.constexpr = SIZES[3]
    KEPT: tl.constexpr = SIZES[4]
    batch = tl.num_programs(0)
    item = tl.program_id(0).to(tl.int64)
    first, number = extent_of(slices, position, batch, item)
    place = (tl.program_id(1) * TUPLES + tl.arange(0, TUPLES)).to(tl.int64)
    exists = place < number
    best = tl.full([TUPLES], NONE, tl.int64)
    if tl.program_id(1) * TUPLES < number:
        known_likelihood = tl.load(slices[2] + first + place, mask=exists, other=0.0)
        known = scores + (position.to(tl.int64) * batch + item) * WIDTH
        peak = peak_of(known, WIDTH)
        for hypothesis in range(WIDTH):
            prefix = (tl.load(known + hypothesis) - peak).to(tl.float32)
            total = known_likelihood
            for source in tl.static_range(SOURCES):
                chosen = tl.load(slices[1] + (first + place) * SOURCES + source, mask=exists, other=0)
                row = tables + ((source * batch + item) * WIDTH + hypothesis) * SIZES[2]
                term = tl.load(row + chosen.to(tl.int32), mask=exists, other=0.0)
                total += prefix + term if source == 0 else term
            best = tl.maximum(best, keys_of(total, hypothesis * number + place))
    best = tl.where(exists, best, NONE)
    rank = (item * tl.num_programs(1) + tl.program_id(1)) * KEPT + tl.arange(0, KEPT)
    tl.store(winners + rank, tl.topk(best, KEPT))


@triton.jit(do_not_specialize=["position", "count"])  # type: ignore[untyped-decorator]
def choose_continuations(  # type: ignore[no-untyped-def]
    tables,  # as of `tile_winners`, as the next
    slices,
    winners,  # [B, C] int64
    history,  # scores [S + 1, B, W]; parents [S, B, W] int64 and codes [S, B, W, N] int64: written
    position,
    count,  # C
    SIZES: tl.constexpr,  # N, W, K, and powers of two not below W, and not below C
):
    """The W best continuations of every mixture by its winners; each takes a row of `history`."""
    SOURCES: tl.constexpr = SIZES[0]
    WIDTH: tl.constexpr = SIZES[1]
    ROWS: tl.constexpr = SIZES[3]
    WINNERS: tl.constexpr = SIZES[4]
    batch = tl.num_programs(0)
    item = tl.program_id(0).to(tl.int64)
    first, number = extent_of(slices, position, batch, item)
    index = tl.arange(0, WINNERS)
    every = tl.load(winners + item * count + index, mask=index < count, other=NONE)
    top = tl.topk(every, ROWS)
    place = tl.where(top > NONE, (0xFFFFFFFF - (top & 0xFFFFFFFF)) % number, 0)
    known = history[0] + (position.to(tl.int64) * batch + item) * WIDTH
    peak = peak_of(known, WIDTH)
    row = tl.arange(0, ROWS)
    real = row < WIDTH
    prefix = (tl.load(known + row, mask=real, other=-float("inf")) - peak).to(tl.float32)
    total = tl.zeros([ROWS, ROWS], tl.float32) + tl.load(slices[2] + first + place)[None, :]
    for source in tl.static_range(SOURCES):
        chosen = tl.load(slices[1] + (first + place) * SOURCES + source).to(tl.int32)
        table = tables + ((source * batch + item) * WIDTH + row) * SIZES[2]
        term = tl.load(table[:, None] + chosen[None, :], mask=real[:, None], other=-float("inf"))
        total += prefix[:, None] + term if source == 0 else term
    keys = keys_of(total, row[:, None] * number + place[None, :])
    keys = tl.where((top > NONE)[None, :] & (total != -float("inf")), keys, NONE)
    best = tl.topk(tl.reshape(keys, [ROWS * ROWS]), ROWS)  # best first
    best = tl.where(real, best, NONE)
    exists = best > NONE
    flat = tl.where(exists, 0xFFFFFFFF - (best & 0xFFFFFFFF), 0)
    parent = tl.where(exists, flat // number, -1).to(tl.int32)
    target = rows_of(parent, real)
    value = scores_of(best)
    after = (position.to(tl.int64) * batch + item) * WIDTH + target
    tl.store(history[0] + batch * WIDTH + after, tl.where(exists, value + peak, -float("inf")), mask=real)
    tl.store(history[1] + after, tl.where(exists, parent, target), mask=real)
    entry = first + tl.where(exists, flat % number, 0)
    for source in tl.static_range(SOURCES):
        chosen = tl.load(slices[1] + entry * SOURCES + source)
        tl.store(history[2] + after * SOURCES + source, chosen.to(tl.int64), mask=real)


@triton.jit
def rows_of(parent, real):  # type: ignore[no-untyped-def]
    """The row of each continuation, best first: its `parent`'s for the first child, else one left over.

    `parent` is -1 for continuations that do not exist, which take the rows that nobody needs.
    """
    row = tl.arange(0, parent.shape[0])
    same = (parent[:, None] == parent[None, :]) & (row[None, :] < row[:, None])
    stays = (parent >= 0) & (tl.max(same.to(tl.int32), axis=1) == 0)
    taken = tl.max((stays[:, None] & (parent[:, None] == row[None, :])).to(tl.int32), axis=0) > 0
    free = real & ~taken
    free_rank = tl.cumsum(free.to(tl.int32), axis=0) - 1
    rank = tl.cumsum((real & ~stays).to(tl.int32), axis=0) - 1
    match = free[None, :] & (free_rank[None, :] == rank[:, None])
    return tl.where(stays, parent, tl.sum(tl.where(match, row[None, :], 0), axis=1))


@triton.jit  # type: ignore[untyped-decorator]
def trace_back(  # type: ignore[no-untyped-def]
    parents,  # [S, B, W] int64
    codes,  # [S, B, W, N] int64
    traced,  # [B, W, S, N] int64: written
    SIZES: tl.constexpr,  # N, W, S, and a power of two not below W
):
    """The codes that every hypothesis descends from."""
    SOURCES: tl.constexpr = SIZES[0]
    WIDTH: tl.constexpr = SIZES[1]
    LENGTH: tl.constexpr = SIZES[2]
    ROWS: tl.constexpr = SIZES[3]
    batch = tl.num_programs(0)
    item = tl.program_id(0).to(tl.int64)
    index = tl.arange(0, ROWS)
    real = index < WIDTH
    row = index.to(tl.int64)
    for back in range(LENGTH):
        position = LENGTH - 1 - back
        at = (position * batch + item) * WIDTH + row
        for source in tl.static_range(SOURCES):
            code = tl.load(codes + at * SOURCES + source, mask=real, other=0)
            line = (item * WIDTH + index) * LENGTH + position
            tl.store(traced + line * SOURCES + source, code, mask=real)
        row = tl.load(parents + at, mask=real, other=0)


class Beams:
    """Hypotheses of B mixtures with their history: one step is two kernels that read nothing back."""

    def __init__(
        self, mixture: Tensor, likelihood: Likelihood, *, width: int, likelihood_weight: float
    ) -> None:
        """W = `width` hypotheses of the mixture codes m [B, S], all of them counted."""
        batch, length = mixture.shape
        device, sources = mixture.device, likelihood.sources
        weighed = likelihood_weight * likelihood.log_likelihood  # not in a kernel: fused it rounds apart
        self.slices = (likelihood.offsets, likelihood.tuples, weighed, mixture.T.contiguous())
        self.codebook_size = likelihood.codebook_size
        self.scores = torch.full((length + 1, batch, width), -torch.inf, dtype=torch.float64, device=device)
        self.scores[0, :, 0] = 0.0
        self.parents = torch.zeros(length, batch, width, dtype=torch.int64, device=device)
        self.codes = torch.zeros(length, batch, width, sources, dtype=torch.int64, device=device)
        self.kept = kept_of(width)
        tiles = -(-longest_slice(mixture, likelihood) // TILE)
        self.winners = torch.empty(batch, tiles, self.kept, dtype=torch.int64, device=device)

    def extend(self, tables: Tensor, position: int) -> None:
        """Find the best continuations by the code at `position`, given `log p_n(z_n | past)` [N, B, W, K]."""
        sources, batch, width, _ = tables.shape
        sizes = (sources, width, self.codebook_size)
        tile_winners[tuple(self.winners.shape[:2])](
            tables,
            self.slices,
            self.scores,
            self.winners,
            position,
            SIZES=(*sizes, TILE, self.kept),
        )
        winners = self.winners.flatten(1)  # [B, C]
        if winners.shape[1] > AT_ONCE:
            winners = winners.topk(self.kept, dim=1).values
        number = winners.shape[1]
        choose_continuations[(batch,)](
            tables,
            self.slices,
            winners,
            (self.scores, self.parents, self.codes),
            position,
            number,
            SIZES=(*sizes, self.kept, triton.next_power_of_2(number)),
        )

    def traced(self) -> Tensor:
        """Codes [B, W, S, N] of the hypotheses at the end."""
        length, batch, width, sources = self.codes.shape
        traced = self.codes.new_empty(batch, width, length, sources)
        trace_back[(batch,)](self.parents, self.codes, traced, SIZES=(sources, width, length, self.kept))
        return traced


def kept_of(width: int) -> int:
    """Tuples that are kept of a tile: as many as hypotheses, to a power of two."""
    return max(2, int(triton.next_power_of_2(width)))


def longest_slice(mixture: Tensor, likelihood: Likelihood) -> int:
    """Tuples of the largest slice of the mixture codes."""
    longest: Tensor = likelihood.offsets.diff()[mixture].max()
    return int(longest.item())


def fits(mixture: Tensor, likelihood: Likelihood, *, width: int) -> bool:
    """Whether the kernels can tell all continuations of W = `width` hypotheses apart, in their registers."""
    return width <= WIDEST and width * longest_slice(mixture, likelihood) < PLACES
