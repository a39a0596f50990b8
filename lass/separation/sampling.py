"""Drawing one tuple per hypothesis from the posterior of a position: ancestral and top-k sampling."""

import math

import torch
from torch import Tensor


def sample_tuples(scores: Tensor, uniforms: Tensor, *, temperature: float, top_k: int | None) -> Tensor:
    """Index of one tuple per hypothesis, drawn by inverting the cumulative distribution.

    Args:
        scores: unnormalised log posterior [n, W] of the n tuples of one mixture's slice.
        uniforms: one number in [0, 1) per hypothesis [W].
        temperature: the posterior is raised to `1 / temperature`; ancestral sampling has 1.
        top_k: only the k most probable tuples of each hypothesis may be drawn; None for all.

    Returns:
        [W] int64 in [0, n). A tuple of probability zero is never drawn, unless all have probability zero.
    """
    scores = (scores - scores.amax(dim=0)).double() / temperature  # the best keeps 0 at any temperature
    if top_k is not None and top_k < len(scores):
        values, indices = scores.topk(top_k, dim=0, sorted=True)  # [k, W]
        return indices.gather(0, draw(values, uniforms)[None])[0]
    return draw(scores, uniforms)


def draw(scores: Tensor, uniforms: Tensor) -> Tensor:
    """Row drawn per column with probability softmax(scores) [n, W] (float64), from `uniforms` [W]."""
    cumulative = scores.softmax(dim=0).cumsum(dim=0)  # [n, W]
    threshold = uniforms.double() * cumulative[-1]
    # The first row whose cumulative probability passes the threshold: a row of probability zero never is.
    return (cumulative <= threshold).sum(dim=0).clamp_max(len(scores) - 1)


def check_sampler(temperature: float, top_k: int | None) -> None:
    """Refuse settings that no distribution has."""
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature {temperature} must be positive and finite; for the mode use greedy search"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k {top_k} must be at least 1")


def gather_rows(scores: Tensor, rows: Tensor) -> Tensor:
    """Score [W] of the chosen row of each column of `scores` [n, W]."""
    return torch.gather(scores, 0, rows[None])[0]
