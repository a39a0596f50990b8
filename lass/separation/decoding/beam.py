"""Beam search over joint prefixes: the W best (hypothesis, tuple) continuations of a position.

Source: paper, section 4.2.

Scores of new hypotheses are those of the chosen continuations; they are never indexed by parent again.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding.posterior import joint_log_posteriors, log_posteriors
from lass.separation.decoding.state import Step

LOOKED_AT = 64  # tuples of a slice, W at least, that are looked at first


def best_continuations(
    log_probs: Sequence[Tensor], slices: RaggedSlices, *, likelihood_weight: float
) -> Step:
    """The W best of all continuations of every mixture, exactly; scores [B, W] are float32.

    Args:
        log_probs: `log p_n(z_n | past)` of every source [B, W, K], of the first one with the log posterior of
            the hypotheses so far added: -inf after a hypothesis that does not exist.
        slices: the tuples that the mixture code of each of the B rows allows.
        likelihood_weight: lambda.

    Ties go to the lower row, then to the earlier tuple. Rows keep the hypothesis that continues them where
    one does, so that few cached sequences have to move. An impossible continuation takes no row.

    No continuation by a tuple beats its bound: the best of all hypotheses for each of its codes alone. The
    continuations by a few tuples with the highest bounds are looked at first. Where the W-th best of them
    beats the bounds of all other tuples, they are the best of all; elsewhere every tuple is looked at.
    """
    width = log_probs[0].shape[1]
    sizes = slices.offsets.diff()
    near, beyond = likely_tuples(log_probs, slices, likelihood_weight)
    exists = near >= 0  # [B, M]
    at = slices.offsets[:-1, None] + near.clamp_min(0)
    scores = log_posteriors(
        log_probs, slices.tuples[at], slices.log_likelihood[at], likelihood_weight=likelihood_weight
    )  # [B, W, M]
    scores = scores.masked_fill(~exists[:, None], -torch.inf).flatten(1)  # [B, W * M]
    best = scores.topk(width, dim=1)
    threshold = best.values[:, -1]
    unique = (scores >= threshold[:, None]).sum(dim=1) == width
    certain = (beyond < threshold) & unique | ((beyond == -torch.inf) & (threshold == -torch.inf))
    parents = best.indices // near.shape[1]
    values, places = best.values, parents * sizes[:, None] + near.gather(1, best.indices % near.shape[1])
    for row in (~certain).nonzero()[:, 0].tolist():
        part = slices.only(row)
        (every,) = joint_log_posteriors(
            [table[row : row + 1] for table in log_probs], part, likelihood_weight=likelihood_weight
        )
        values[row], places[row] = best_places(every.flatten(), width)
    return settle(values, places, slices)


def likely_tuples(
    log_probs: Sequence[Tensor], slices: RaggedSlices, likelihood_weight: float
) -> tuple[Tensor, Tensor]:
    """Per mixture the M >= W tuples of the highest bounds [B, M], and the highest bound of the others [B].

    Tuples are numbered within their slice; -1 stands where a slice has fewer, -inf where there is no other.
    """
    batch, width, size = log_probs[0].shape
    most = max(LOOKED_AT, width)
    bounds = likelihood_weight * slices.log_likelihood  # [total]
    for table, codes in zip(log_probs, slices.tuples.unbind(dim=1), strict=True):
        bounds = bounds + table.amax(dim=1).flatten().index_select(0, slices.row * size + codes)
    near = torch.full((batch, most), -1, dtype=torch.int64, device=bounds.device)
    beyond = bounds.new_full((batch,), -torch.inf)
    for row, segment in enumerate(bounds.split(slices.offsets.diff().tolist())):
        if len(segment) <= most:
            near[row, : len(segment)] = torch.arange(len(segment), device=near.device)
            continue
        top = segment.topk(most + 1)
        near[row], beyond[row] = top.indices[:most], top.values[most]
    return near, beyond


def best_places(total: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The `width` largest of `total` [W * n] and where they stand; of equals the first, in any order."""
    best = total.topk(width)
    threshold = best.values[-1]
    equal = total >= threshold
    if int(equal.sum()) == width or threshold == -torch.inf:
        return best.values, best.indices
    candidates = equal.nonzero()[:, 0]  # more than fit: topk may have taken any of the last
    order = total[candidates].argsort(descending=True, stable=True)[:width]
    return total[candidates[order]], candidates[order]


def settle(values: Tensor, places: Tensor, slices: RaggedSlices) -> Step:
    """Give every chosen continuation its row.

    The best child of a parent takes the parent's row; the others, best first, take the lowest rows left over.

    Args:
        values: scores [B, W] of the continuations; -inf for those that do not exist.
        places: parent * n + tuple [B, W], of n tuples in the mixture's slice.
        slices: the tuples that were continued by.
    """
    sizes = slices.offsets.diff()[:, None]  # n [B, 1]
    order = places.argsort(dim=1)
    order = order.gather(1, values.gather(1, order).argsort(dim=1, descending=True, stable=True))
    values, places = values.gather(1, order), places.gather(1, order)  # best first, then by place
    exists = values > -torch.inf
    parents = torch.where(exists, places // sizes, -1)  # [B, W]
    again = (parents[:, :, None] == parents[:, None, :]).tril(-1).any(dim=2)
    stays = exists & ~again
    width = values.shape[1]
    taken = torch.zeros_like(parents).scatter_add_(1, parents.clamp_min(0), stays.long())
    free = taken.argsort(dim=1, stable=True)  # rows left over, ascending, then the others
    rank = ((~stays).long().cumsum(dim=1) - 1).clamp_min(0)
    rows = torch.where(stays, parents, free.gather(1, rank))  # [B, W]
    own = torch.arange(width, device=rows.device).expand_as(rows)
    chosen = torch.zeros_like(own).scatter_(1, rows, torch.where(exists, places % sizes, 0))
    return Step(
        codes=slices.tuples[slices.offsets[:-1, None] + chosen],
        parents=torch.empty_like(rows).scatter_(1, rows, torch.where(exists, parents, rows)),
        scores=torch.empty_like(values).scatter_(1, rows, values),
    )
