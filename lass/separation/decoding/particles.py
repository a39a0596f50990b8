"""Sequence-level resampling: hypotheses as particles of a sequential Monte Carlo sampler.

Sampling each position from its own normalised posterior forgets how probable the position was as a whole: a
hypothesis that runs into a dead end keeps its place. Here every hypothesis carries the product of the
normalisers of its positions as a weight (the fully adapted auxiliary particle filter of Pitt and Shephard
1999), and hypotheses of little weight give their places to others once the effective sample size falls too
low. The weighted particles estimate the posterior of whole sequences without bias in its normaliser.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Resampled:
    """Particles after a step."""

    parents: Tensor  # [B, W] int64: the particle that each continues
    log_weights: Tensor  # [B, W] float64
    moved: Tensor  # [B] bool: whether the mixture's particles were resampled


def effective_size(log_weights: Tensor) -> Tensor:
    """Effective sample size [B] of `log_weights` [B, W]: 1 / sum of squared shares (Kong et al. 1994)."""
    normalised = log_weights - log_weights.logsumexp(dim=-1, keepdim=True)
    return (-(2 * normalised).logsumexp(dim=-1)).exp()


def resample(log_weights: Tensor, uniforms: Tensor, *, threshold: float) -> Resampled:
    """Systematic resampling of those mixtures whose effective sample size is below `threshold` * W.

    Args:
        log_weights: [B, W] float64; -inf for particles that died.
        uniforms: one number in [0, 1) per mixture [B].
        threshold: share of W in (0, 1].

    Survivors keep their places and copies fill the places of the others. After resampling the weights of a
    mixture are equal, with the same sum. A mixture without any living particle is left as it is.
    """
    batch, width = log_weights.shape
    total = log_weights.logsumexp(dim=-1)  # [B]
    size = effective_size(log_weights)
    moved = (size < threshold * width) & torch.isfinite(total)
    identity = torch.arange(width, device=log_weights.device).repeat(batch, 1)
    if not moved.any():
        return Resampled(identity, log_weights, moved)
    normalised = (log_weights - total[:, None])[moved].exp()  # [M, W]
    points = ((uniforms[moved, None].double() + identity[moved]) / width).clamp_max(1 - 2**-53)  # [M, W]
    cumulative = normalised.cumsum(dim=-1)
    cumulative = cumulative / cumulative[:, -1:]
    chosen = torch.searchsorted(cumulative, points, right=True)  # [M, W] ascending
    copies = torch.zeros_like(normalised, dtype=torch.int64).scatter_add_(1, chosen, torch.ones_like(chosen))
    parents, weights = identity.clone(), log_weights.clone()
    parents[moved] = keep_places(copies)
    weights[moved] = (total[moved, None] - math.log(width)).expand(-1, width)
    return Resampled(parents, weights, moved)


def keep_places(copies: Tensor) -> Tensor:
    """Parents [M, W] when particle w is to appear `copies[w]` times [M, W]: one copy stays where it is."""
    places = torch.arange(copies.shape[1], device=copies.device)
    spare = (copies - 1).clamp_min(0).cumsum(dim=1)  # [M, W]: copies beyond the first, of particles so far
    rank = (copies == 0).long().cumsum(dim=1) - 1  # of a free place among those
    return torch.where(copies > 0, places, torch.searchsorted(spare, rank, right=True))
