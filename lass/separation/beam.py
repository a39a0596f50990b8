"""Beam search over joint prefixes: the W best (hypothesis, tuple) continuations of a position.

Source: paper, section 4.2.

Scores of new hypotheses are those of the chosen continuations; they are never indexed by parent again. Only
the selection itself goes mixture by mixture, as slices differ in size; the rest is done for all at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Continuations:
    """What the W rows of every mixture hold after a step."""

    parents: Tensor  # [B, W] int64: the row that each continues
    tuples: Tensor  # [B, W] int64: the tuple of the slice that each appends
    scores: Tensor  # [B, W] float32: log posterior of the joint prefix, -inf where no continuation exists


def best_continuations(prefixes: Tensor, posteriors: Iterable[Tensor]) -> Continuations:
    """The W best of all continuations of every mixture, exactly.

    Args:
        prefixes: log posterior of the W hypotheses so far [B, W]; -inf for a hypothesis that does not exist.
        posteriors: per mixture the unnormalised log posterior [W, n] of each tuple after each hypothesis.

    Ties go to the lower row, then to the earlier tuple. Rows keep the hypothesis that continues them where
    one does, so that few cached sequences have to move. An impossible continuation takes no row.
    """
    values, places, sizes = [], [], []
    for prefix, scores in zip(prefixes, posteriors, strict=True):
        value, place = best_places((scores + prefix[:, None]).flatten(), len(prefix))
        values.append(value)
        places.append(place)
        sizes.append(scores.shape[1])
    tuples = torch.tensor(sizes, device=prefixes.device)[:, None]
    return settle(torch.stack(values), torch.stack(places), tuples)


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


def settle(values: Tensor, places: Tensor, tuples: Tensor) -> Continuations:
    """Give every chosen continuation its row.

    The best child of a parent takes the parent's row; the others, best first, take the lowest rows left over.

    Args:
        values: scores [B, W] of the continuations; -inf for those that do not exist.
        places: parent * n + tuple [B, W].
        tuples: n [B, 1], tuples of each mixture's slice.
    """
    order = places.argsort(dim=1)
    order = order.gather(1, values.gather(1, order).argsort(dim=1, descending=True, stable=True))
    values, places = values.gather(1, order), places.gather(1, order)  # best first, then by place
    exists = values > -torch.inf
    parents = torch.where(exists, places // tuples, -1)  # [B, W]
    again = (parents[:, :, None] == parents[:, None, :]).tril(-1).any(dim=2)
    stays = exists & ~again
    width = values.shape[1]
    taken = torch.zeros_like(parents).scatter_add_(1, parents.clamp_min(0), stays.long())
    free = taken.argsort(dim=1, stable=True)  # rows left over, ascending, then the others
    rank = ((~stays).long().cumsum(dim=1) - 1).clamp_min(0)
    rows = torch.where(stays, parents, free.gather(1, rank))  # [B, W]
    own = torch.arange(width, device=rows.device).expand_as(rows)
    return Continuations(
        parents=torch.empty_like(rows).scatter_(1, rows, torch.where(exists, parents, rows)),
        tuples=torch.zeros_like(own).scatter_(1, rows, torch.where(exists, places % tuples, 0)),
        scores=torch.empty_like(values).scatter_(1, rows, values),
    )
