"""Sampling pairs of codes from the posterior of a position without ever forming it.

With two sources the posterior is `p_1(z_1) p_2(z_2) L(z_1, z_2)`, with L = p(m | z_1, z_2)^lambda. Its
marginal over z_1 is `p_1 * (L p_2)`: one matrix product for all hypotheses of a mixture. Given z_1, that of
z_2 is `L[z_1] * p_2`. Both draws together take K (K + 2) products per hypothesis and no array of K² entries.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices

TINY = 1e-30  # a float32 normaliser below this may have lost products to underflow


@dataclass(frozen=True)
class Drawn:
    """One tuple per hypothesis, and the distribution that it was drawn from."""

    codes: Tensor  # [B, W, N] int64
    scores: Tensor  # [B, W]: unnormalised log posterior of the tuple; -inf where every tuple is impossible
    log_normaliser: Tensor  # [B, W]: log of the sum of the unnormalised posterior over all tuples


def dense_slices(slices: RaggedSlices, codes: int, *, likelihood_weight: float) -> Tensor:
    """`lambda * log p(m | z_1, z_2)` [B, K, K] of the pairs in `slices`, -inf for all others."""
    batch = len(slices.offsets) - 1
    dense = torch.full((batch * codes * codes,), -torch.inf, device=slices.row.device)
    places = (slices.row * codes + slices.tuples[:, 0]) * codes + slices.tuples[:, 1]
    dense[places] = likelihood_weight * slices.log_likelihood
    return dense.view(batch, codes, codes)


def sample_pairs(first: Tensor, second: Tensor, log_likelihood: Tensor, uniforms: Tensor) -> Drawn:
    """Draw a pair for every hypothesis from the whole posterior.

    Args:
        first: log p_1(z_1 | past) [B, W, K].
        second: log p_2(z_2 | past) [B, W, K].
        log_likelihood: log L [B, K, K], -inf for impossible pairs.
        uniforms: numbers in [0, 1) [B, W]. Pairs stand in row-major order: a number decides z_1, and what is
            left of it inside the chosen row decides z_2.
    """
    peak = log_likelihood.amax(dim=(1, 2), keepdim=True)  # [B, 1, 1]
    likelihood = (log_likelihood - peak).exp()
    heights = [log_probs.amax(dim=-1, keepdim=True) for log_probs in (first, second)]  # [B, W, 1]
    p_first, p_second = (first - heights[0]).exp(), (second - heights[1]).exp()
    marginal = p_first * (p_second @ likelihood.transpose(1, 2))  # [B, W, K]
    log_normaliser = marginal.sum(dim=-1).log() + (heights[0] + heights[1] + peak)[..., 0]
    z_first, left = invert(marginal, uniforms)
    row = torch.arange(len(first), device=first.device)[:, None]
    z_second, _ = invert(likelihood[row, z_first] * p_second, left)
    codes = torch.stack([z_first, z_second], dim=-1)
    lost = marginal.sum(dim=-1) < TINY
    if lost.any():
        owners = lost.nonzero()[:, 0]
        exact = sample_exactly(first[lost], second[lost], log_likelihood[owners], uniforms[lost])
        codes[lost], log_normaliser[lost] = exact.codes[:, 0], exact.log_normaliser[:, 0]
    scores = pair_scores(first, second, log_likelihood, codes)
    return Drawn(codes=codes, scores=scores, log_normaliser=log_normaliser)


def sample_top_pairs(
    first: Tensor, second: Tensor, log_likelihood: Tensor, uniforms: Tensor, *, top_k: int
) -> Drawn:
    """Draw a pair for every hypothesis from the `top_k` most probable pairs; other arguments as above.

    The pairs are looked for among the codes with the highest bounds `log p_n(z_n) + max log L(z_n, .)`.
    Where the k-th best pair found there beats the bound of everything left out, they are the k best of all;
    where it does not, more codes are taken.
    """
    batch, width, codes = first.shape
    bounds = [first + log_likelihood.amax(dim=2)[:, None], second + log_likelihood.amax(dim=1)[:, None]]
    values = first.new_full((batch, width, min(top_k, codes * codes)), -torch.inf)
    pairs = torch.zeros_like(values, dtype=torch.int64)
    pending = torch.ones(batch, width, dtype=torch.bool, device=first.device)
    taken = 1 << max(4, (2 * top_k - 1).bit_length() // 2 + 1)
    while pending.any():
        taken = min(taken, codes)
        rows = [bound[pending] for bound in bounds]  # [R, K] each
        found = best_pairs(
            rows,
            first[pending],
            second[pending],
            log_likelihood,
            pending.nonzero()[:, 0],
            taken,
            values.shape[2],
        )
        done = found.certain | (taken == codes)
        where = pending.nonzero()[done]
        values[where[:, 0], where[:, 1]] = found.values[done]
        pairs[where[:, 0], where[:, 1]] = found.pairs[done]
        pending[where[:, 0], where[:, 1]] = False
        taken *= 2
    peak = values[..., :1].nan_to_num(neginf=0.0)
    chosen, _ = invert((values - peak).exp(), uniforms)
    flat = pairs.gather(2, chosen[..., None])[..., 0]
    drawn = torch.stack([flat // codes, flat % codes], dim=-1)
    scores = pair_scores(first, second, log_likelihood, drawn)
    return Drawn(codes=drawn, scores=scores, log_normaliser=values.logsumexp(dim=-1))


@dataclass(frozen=True)
class BestPairs:
    """The best pairs among a few codes of either source."""

    values: Tensor  # [R, k] descending
    pairs: Tensor  # [R, k] int64: z_1 * K + z_2
    certain: Tensor  # [R] bool: no pair outside is better


def best_pairs(
    bounds: list[Tensor],
    first: Tensor,
    second: Tensor,
    log_likelihood: Tensor,
    owners: Tensor,
    taken: int,
    wanted: int,
) -> BestPairs:
    """The `wanted` best pairs among the `taken` codes of highest `bounds` [R, K] of either source."""
    codes = first.shape[1]
    tops = [bound.topk(min(taken + 1, codes), dim=-1) for bound in bounds]
    some, others = (top.indices[:, :taken] for top in tops)  # [R, r]
    block = log_likelihood[owners[:, None, None], some[:, :, None], others[:, None, :]]
    block = first.gather(1, some)[:, :, None] + second.gather(1, others)[:, None, :] + block  # [R, r, r]
    best = block.flatten(1).topk(min(wanted, taken * taken), dim=-1)
    pairs = some.gather(1, best.indices // taken) * codes + others.gather(1, best.indices % taken)
    if taken == codes:
        certain = torch.ones(len(first), dtype=torch.bool, device=first.device)
    else:
        outside = torch.maximum(
            tops[0].values[:, -1] + second.amax(dim=-1), tops[1].values[:, -1] + first.amax(dim=-1)
        )
        certain = (best.values[:, -1] >= outside) & (best.values.shape[1] == wanted)
    return BestPairs(values=best.values, pairs=pairs, certain=certain)


def sample_exactly(first: Tensor, second: Tensor, log_likelihood: Tensor, uniforms: Tensor) -> Drawn:
    """As `sample_pairs` for R hypotheses, each with its own log L [R, K, K], in float64 over all pairs."""
    joint = (first[:, :, None] + second[:, None, :] + log_likelihood).double().flatten(1)  # [R, K * K]
    log_normaliser = joint.logsumexp(dim=1)
    peak = joint.amax(dim=1, keepdim=True).nan_to_num(neginf=0.0)
    flat, _ = invert((joint - peak).exp(), uniforms)
    codes = torch.stack([flat // first.shape[1], flat % first.shape[1]], dim=-1)
    scores = joint.gather(1, flat[:, None])
    return Drawn(codes[:, None], scores.float(), log_normaliser.float()[:, None])


def pair_scores(first: Tensor, second: Tensor, log_likelihood: Tensor, codes: Tensor) -> Tensor:
    """Unnormalised log posterior [B, W] of the pairs `codes` [B, W, 2]."""
    row = torch.arange(len(first), device=first.device)[:, None]
    parts = [
        log_probs.gather(2, codes[..., n : n + 1])[..., 0] for n, log_probs in enumerate((first, second))
    ]
    return parts[0] + parts[1] + log_likelihood[row, codes[..., 0], codes[..., 1]]


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
