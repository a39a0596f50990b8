"""Sampling pairs of codes from the posterior of a position without ever forming it.

With two sources the posterior is `p_1(z_1) p_2(z_2) L(z_1, z_2)`, with L = p(m | z_1, z_2)^lambda. Its
marginal over z_1 is `p_1 * (L p_2)`: one matrix product for all hypotheses of a mixture. Given z_1, that of
z_2 is `L[z_1] * p_2`. Both draws together take K (K + 2) products per hypothesis and no array of K² entries.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices

SMALL = 1e-19  # shares below are 0: a CPU multiplies denormal numbers, their products, 100 times slower
TINY = 1e-9  # a normaliser below may have lost more than float32 can tell: the draw is repeated exactly
AT_ONCE = 2**20  # pairs that are drawn exactly at a time: bounds the memory


@dataclass(frozen=True)
class Drawn:
    """One tuple per hypothesis, and the distribution that it was drawn from."""

    codes: Tensor  # [B, W, N] int64
    scores: Tensor  # [B, W]: unnormalised log posterior of the tuple; -inf where every tuple is impossible
    log_normaliser: Tensor  # [B, W]: log of the sum of the unnormalised posterior over all tuples


def dense_slices(slices: RaggedSlices, codes: int) -> Tensor:
    """`log p(m | z_1, z_2)` [B, K, K] of the pairs in `slices`, -inf for all others."""
    batch = len(slices.offsets) - 1
    dense = torch.full((batch * codes * codes,), -torch.inf, device=slices.row.device)
    places = (slices.row * codes + slices.tuples[:, 0]) * codes + slices.tuples[:, 1]
    dense[places] = slices.log_likelihood
    return dense.view(batch, codes, codes)


def ragged_pairs(dense: Tensor) -> RaggedSlices:
    """The possible pairs of `dense` [B, K, K] as slices: the inverse of `dense_slices`."""
    row, *codes = torch.isfinite(dense).nonzero(as_tuple=True)
    sizes = torch.bincount(row, minlength=len(dense))
    return RaggedSlices(
        tuples=torch.stack(codes, dim=1),
        log_likelihood=dense[row, codes[0], codes[1]],
        offsets=torch.nn.functional.pad(sizes.cumsum(0), (1, 0)),
    )


def sample_pairs(first: Tensor, second: Tensor, log_likelihood: Tensor, uniforms: Tensor) -> Drawn:
    """Draw a pair for every hypothesis from the whole posterior.

    Args:
        first: log p_1(z_1 | past) [B, W, K].
        second: log p_2(z_2 | past) [B, W, K].
        log_likelihood: log L [B, K, K], -inf for impossible pairs.
        uniforms: numbers in [0, 1) [B, W]. Pairs stand in row-major order: a number decides z_1, and what is
            left of it inside the chosen row decides z_2.
    """
    peak = finite_peak(log_likelihood, dim=(1, 2))  # [B, 1, 1]
    likelihood = shares(log_likelihood - peak)
    heights = [finite_peak(log_probs, dim=-1) for log_probs in (first, second)]  # [B, W, 1]
    p_first, p_second = shares(first - heights[0]), shares(second - heights[1])
    marginal = p_first * (p_second @ likelihood.transpose(1, 2))  # [B, W, K]
    log_normaliser = marginal.sum(dim=-1).log() + (heights[0] + heights[1] + peak)[..., 0]
    z_first, left = invert(marginal, uniforms)
    row = torch.arange(len(first), device=first.device)[:, None]
    z_second, _ = invert(likelihood[row, z_first] * p_second, left)
    codes = torch.stack([z_first, z_second], dim=-1)
    lost = (marginal.sum(dim=-1) < TINY).nonzero()  # [R, 2]
    parts = lost.split(max(1, AT_ONCE // first.shape[2] ** 2)) if len(lost) else ()
    for owners, rows in (part.T for part in parts):
        exact = sample_exactly(
            first[owners, rows], second[owners, rows], log_likelihood[owners], uniforms[owners, rows]
        )
        codes[owners, rows], log_normaliser[owners, rows] = exact.codes, exact.log_normaliser
    scores = pair_scores(first, second, log_likelihood, codes)
    return Drawn(codes=codes, scores=scores, log_normaliser=log_normaliser)


def shares(logarithms: Tensor) -> Tensor:
    """Exponential of `logarithms` (at most 0), without numbers under `SMALL`."""
    return torch.nn.functional.threshold(logarithms.exp(), SMALL, 0.0)


def sample_exactly(first: Tensor, second: Tensor, log_likelihood: Tensor, uniforms: Tensor) -> Drawn:
    """As `sample_pairs`, in float64 over all pairs, for R hypotheses with their own log L [R, K, K] each.

    The results have R rows instead of [B, W].
    """
    joint = (first[:, :, None] + second[:, None, :] + log_likelihood).double().flatten(1)  # [R, K * K]
    log_normaliser = joint.logsumexp(dim=1)
    flat, _ = invert((joint - finite_peak(joint, dim=1)).exp(), uniforms)
    codes = torch.stack([flat // first.shape[1], flat % first.shape[1]], dim=-1)
    scores = joint.gather(1, flat[:, None])[:, 0]
    return Drawn(codes, scores.float(), log_normaliser.float())


def pair_scores(first: Tensor, second: Tensor, log_likelihood: Tensor, codes: Tensor) -> Tensor:
    """Unnormalised log posterior [B, W] of the pairs `codes` [B, W, 2]."""
    row = torch.arange(len(first), device=first.device)[:, None]
    parts = [
        log_probs.gather(2, codes[..., n : n + 1])[..., 0] for n, log_probs in enumerate((first, second))
    ]
    return parts[0] + parts[1] + log_likelihood[row, codes[..., 0], codes[..., 1]]


def finite_peak(scores: Tensor, *, dim: int | tuple[int, ...]) -> Tensor:
    """The maximum over `dim`, kept as 1, to subtract before exp: finite even where every entry is -inf."""
    return scores.amax(dim=dim, keepdim=True).clamp_min(torch.finfo(scores.dtype).min)


def invert(mass: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """The entry that a uniform number falls into, and how far into it, as a number in [0, 1).

    `mass` [..., K] need not sum to one; `uniforms` [...]. An entry without mass is never chosen unless none
    has any.
    """
    cumulative = mass.double().cumsum(dim=-1)
    target = uniforms.double() * cumulative[..., -1]
    chosen = (cumulative <= target[..., None]).sum(dim=-1).clamp_max(mass.shape[-1] - 1)
    end = cumulative.gather(-1, chosen[..., None])[..., 0]
    height = mass.double().gather(-1, chosen[..., None])[..., 0]
    inside = ((target - (end - height)) / height).nan_to_num(0.0).clamp(0.0, 1.0 - 1e-12)
    return chosen, inside
