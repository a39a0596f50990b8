"""What decoding holds between two positions, and what a decoder adds to it at one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One position of W hypotheses of B mixtures.

    A decoder gives scores and weights of the prefixes up to and with this position; functions that see one
    position alone (`draw_tuples`, `best_continuations`) give those of what they were shown.
    """

    codes: Tensor  # [B, W, N] int64: the tuple that each row appends
    scores: Tensor  # [B, W]: log posterior up to a constant per mixture; -inf: no such hypothesis
    parents: Tensor | None = None  # [B, W] int64: the row that each continues; None: each its own
    log_weights: Tensor | None = None  # [B, W] float64, of draws; None where each stands for itself


@dataclass
class Hypotheses:
    """State of the loop over positions, and its result."""

    codes: Tensor  # [B, W, S, N] int64; -1 where not decoded yet
    scores: Tensor  # [B, W] float64: log posterior up to a constant per mixture; -inf: no such hypothesis
    log_weights: Tensor  # [B, W] float64: how much each stands for, of particles; 0 for the other decoders

    @classmethod
    def empty(cls, shape: tuple[int, int, int, int], device: torch.device) -> "Hypotheses":
        """Hypotheses of codes [B, W, S, N] = `shape` without any position yet, all with log posterior 0."""
        codes = torch.full(shape, -1, dtype=torch.int64, device=device)
        scores, log_weights = torch.zeros(2, *shape[:2], dtype=torch.float64, device=device).unbind()
        return cls(codes, scores, log_weights)

    def extend(self, step: Step, position: int) -> None:
        """Take over what a decoder chose at `position`: rows follow their parents and append their codes."""
        if step.parents is not None:
            batch = torch.arange(len(step.parents), device=step.parents.device)[:, None]
            self.codes[:, :, :position] = self.codes[batch, step.parents, :position]
        self.codes[:, :, position] = step.codes
        self.scores = step.scores
        if step.log_weights is not None:
            self.log_weights = step.log_weights


def joined(sources: Sequence[Hypotheses]) -> Hypotheses:
    """Hypotheses [B, W, S, N] of sources that were searched one by one, N of [B, W, S, 1].

    The best of every source stand together, then the second best, and so on.
    """
    codes, scores = [], []
    for one in sources:
        order = one.scores.argsort(dim=1, descending=True, stable=True)  # [B, W]
        codes.append(one.codes.gather(1, order[..., None, None].expand_as(one.codes)))
        scores.append(one.scores.gather(1, order))
    total = torch.stack(scores).sum(dim=0)
    return Hypotheses(torch.cat(codes, dim=3), total, torch.zeros_like(total))


def join_parts(parts: Sequence[Hypotheses]) -> Hypotheses:
    """The hypotheses of all parts of the same mixtures."""
    return Hypotheses(
        torch.cat([one.codes for one in parts], dim=1),
        torch.cat([one.scores for one in parts], dim=1),
        torch.cat([one.log_weights for one in parts], dim=1),
    )
