"""A step of beam search on a GPU: gather, add and select over ragged slices in one kernel (Triton).

Imported where tensors lie on a GPU, and by the tests, which run it in Triton's interpreter.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices

TILE = 1024  # tuples that one program looks at
PLACE = 2**31 - 1  # places within a slice lie below


@triton.jit  # type: ignore[untyped-decorator]
def tile_winners(  # type: ignore[no-untyped-def]
    tables,  # [N, B, W, K] float32: log p_n(z_n | past)
    tuples,  # [total, N] int64
    evidence,  # [total] float32: lambda * log p(m | z_1..z_N)
    offsets,  # [B + 1] int64
    winners,  # [B, tiles, M] int64: written
    SIZES: tl.constexpr,  # N, W, K, tuples of a tile and M, both powers of two
):
    """The M best tuples of a tile by the best of all hypotheses: scores and places packed to ordered keys."""
    SOURCES: tl.constexpr = SIZES[0]
    WIDTH: tl.constexpr = SIZES[1]
    CODES: tl.constexpr = SIZES[2]
    TUPLES: tl.constexpr = SIZES[3]
    KEPT: tl.constexpr = SIZES[4]
    mixture = tl.program_id(0).to(tl.int64)
    tile = tl.program_id(1)
    first = tl.load(offsets + mixture)
    last = tl.load(offsets + mixture + 1)
    place = tile * TUPLES + tl.arange(0, TUPLES)
    entry = first + place
    exists = entry < last
    likelihood = tl.load(evidence + entry, mask=exists, other=-float("inf"))
    best = tl.full([TUPLES], -float("inf"), tl.float32)
    for hypothesis in range(WIDTH):
        score = likelihood
        for source in tl.static_range(SOURCES):
            code = tl.load(tuples + entry * SOURCES + source, mask=exists, other=0)
            row = ((source * tl.num_programs(0) + mixture) * WIDTH + hypothesis) * CODES
            score += tl.load(tables + row + code, mask=exists, other=-float("inf"))
        best = tl.maximum(best, score)
    bits = best.to(tl.int32, bitcast=True)
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)  # integers in the order of the scores
    keys = (ordered << 32) | (0x7FFFFFFF - place).to(tl.int64)  # of equals the first is the largest
    rank = (mixture * tl.num_programs(1) + tile) * KEPT + tl.arange(0, KEPT)
    tl.store(winners + rank, tl.topk(keys, KEPT))


def likely_tuples(
    log_probs: Sequence[Tensor], slices: RaggedSlices, likelihood_weight: float, *, most: int
) -> tuple[Tensor, Tensor]:
    """As `lass.separation.beam.likely_tuples`, by the best score of every tuple in place of its bound.

    Returns M >= `most` tuples of every mixture [B, M], and the best score of all others [B].
    """
    batch, width, codes = log_probs[0].shape
    kept = triton.next_power_of_2(most + 1)
    size = max(TILE, kept)
    longest = int(slices.offsets.diff().max())
    tiles = max(1, triton.cdiv(longest, size))
    winners = torch.empty(batch, tiles, kept, dtype=torch.int64, device=slices.offsets.device)
    tile_winners[(batch, tiles)](
        torch.stack(list(log_probs)),
        slices.tuples.contiguous(),
        likelihood_weight * slices.log_likelihood,  # not in the kernel: fused with a sum it would round apart
        slices.offsets,
        winners,
        SIZES=(len(log_probs), width, codes, size, kept),
    )
    best = winners.flatten(1).topk(kept, dim=1).values  # [B, M + 1]
    near = PLACE - (best[:, :-1] & (2**32 - 1))
    near = torch.where(near < slices.offsets.diff()[:, None], near, -1)
    ordered = (best[:, -1] >> 32).to(torch.int32)
    beyond = (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).view(torch.float32)
    return near, beyond


def try_out() -> None:
    """Build and run the kernel once on the current GPU; RuntimeError where that fails."""
    step = torch.zeros(1, 1, 1, device="cuda")
    slices = RaggedSlices(
        tuples=torch.zeros(1, 2, dtype=torch.int64, device="cuda"),
        log_likelihood=torch.zeros(1, device="cuda"),
        offsets=torch.tensor([0, 1], device="cuda"),
    )
    likely_tuples([step, step], slices, 1.0, most=1)
