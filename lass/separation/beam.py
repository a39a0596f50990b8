"""Beam search over joint prefixes: the W best (hypothesis, tuple) continuations of a position.

Source: paper, section 4.2.

Scores of new hypotheses are those of the chosen continuations; they are never indexed by parent again.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Continuations:
    """What the W rows of a mixture hold after a step."""

    parents: Tensor  # [W] int64: the row that each continues
    tuples: Tensor  # [W] int64: the tuple of the slice that each appends
    scores: Tensor  # [W] float32: log posterior of the joint prefix, -inf where no continuation exists


def best_continuations(prefixes: Tensor, scores: Tensor) -> Continuations:
    """The W best of all continuations of one mixture, exactly.

    Args:
        prefixes: log posterior of the W hypotheses so far [W]; -inf for a hypothesis that does not exist.
        scores: unnormalised log posterior [W, n] of each tuple after each hypothesis.

    Ties go to the lower row, then to the earlier tuple. Rows keep the hypothesis that continues them where
    one does, so that few cached sequences have to move. An impossible continuation takes no row.
    """
    width, tuples = scores.shape
    total = (scores + prefixes[:, None]).flatten()  # [W * n], row-major: ties resolve by position
    threshold = total.topk(width, sorted=False).values.min()
    candidates = ((total >= threshold) & (total > -torch.inf)).nonzero()[:, 0]
    order = total[candidates].argsort(descending=True, stable=True)[:width]
    chosen = candidates[order]
    values = total[chosen]
    rows = settle((chosen // tuples).tolist(), width)
    parents = torch.arange(width, device=scores.device)
    picked = torch.zeros(width, dtype=torch.int64, device=scores.device)
    best = torch.full((width,), -torch.inf, device=scores.device)
    target = torch.tensor(rows, dtype=torch.int64, device=scores.device)
    parents[target], picked[target], best[target] = chosen // tuples, chosen % tuples, values
    return Continuations(parents=parents, tuples=picked, scores=best)


def settle(parents: list[int], width: int) -> list[int]:
    """Row in [0, width) of each chosen continuation; `parents` are listed best continuation first.

    The best child of a parent takes the parent's row; the others, best first, take the lowest rows left over.
    """
    rows = [-1] * len(parents)
    taken = [False] * width
    for child, parent in enumerate(parents):
        if not taken[parent]:
            rows[child], taken[parent] = parent, True
    free = iter(row for row in range(width) if not taken[row])
    return [row if row >= 0 else next(free) for row in rows]
