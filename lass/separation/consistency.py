"""Mixture consistency: the nearest estimates that add up to the mixture and stay within their bounds.

A step after decoding that the paper does not have (for audio: Wisdom et al. 2019, "Differentiable consistency
constraints for improved deep speech enhancement", without the bounds).
"""

import math

import torch
from torch import Tensor

HALVINGS = 40  # of the interval that holds the shift: float32 has no more to give


def project(
    estimates: Tensor, mixtures: Tensor, *, weights: Tensor, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """The point nearest to `estimates` with `sum_n alpha_n x_n = y` and every number in [low, high].

    Args:
        estimates: [..., N, T].
        mixtures: y [..., T].
        weights: alpha [N], positive.
        low: the least value of a source; -inf for none.
        high: the greatest; inf for none. Both or neither are infinite, or it is a ValueError.

    Each number is on its own: x_n = clamp(e_n + t * alpha_n), where the shift t is the one root of a monotone
    function. Where y lies outside of what the bounds allow, all sources go to the nearer bound.
    """
    alpha = weights.to(estimates)[:, None]  # [N, 1]
    if math.isinf(low) and math.isinf(high):
        missing = mixtures - (alpha * estimates).sum(dim=-2)
        return estimates + alpha * (missing / alpha.square().sum())[..., None, :]
    if math.isinf(low) or math.isinf(high):
        raise ValueError(f"bounds {low} and {high}: give two finite ones, or none by -inf and inf")
    reach = (estimates.abs().amax(dim=-2) + max(abs(low), abs(high))) / alpha.min()  # every source at a bound
    below, above = -reach, reach
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        remix = (alpha * (estimates + alpha * middle[..., None, :]).clamp(low, high)).sum(dim=-2)
        short = remix < mixtures
        below, above = torch.where(short, middle, below), torch.where(short, above, middle)
    return (estimates + alpha * above[..., None, :]).clamp(low, high)
