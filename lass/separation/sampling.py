"""Drawing one tuple per hypothesis from the posterior of a position: ancestral and top-k sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.factored import dense_slices, ragged_pairs, sample_pairs, sample_top_pairs
from lass.separation.posterior import joint_log_posterior

LARGEST_DENSE = 1024  # K up to which two sources are drawn from dense slices
COLDEST_DENSE = 0.01  # temperature under which products of float32 numbers would be lost


@dataclass(frozen=True)
class DrawnTuples:
    """One tuple per hypothesis."""

    codes: Tensor  # [B, W, N] int64
    scores: Tensor  # [B, W] float64: unnormalised log posterior; -inf where every tuple is impossible
    log_weights: Tensor  # [B, W] float64: the same, less the log-probability with which the tuple was drawn


def draw_tuples(
    log_probs: Sequence[Tensor],
    support: RaggedSlices | Tensor,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
    top_k: int | None,
) -> DrawnTuples:
    """Draw a tuple for each of W hypotheses of B mixtures.

    Args:
        log_probs: `log p_n(z_n | past)` of every source [B, W, K].
        support: the tuples that the mixtures' codes allow, or the log-likelihood of all pairs [B, K, K].
        uniforms: numbers in [0, 1) [B, W].
        likelihood_weight: lambda.
        temperature: the posterior is raised to `1 / temperature`.
        top_k: only the k most probable tuples of each hypothesis may be drawn; None for all.

    Two sources and a small codebook are drawn in factored form, everything else tuple by tuple: the same
    numbers give the same tuples.
    """
    size = log_probs[0].shape[2]
    if len(log_probs) > 2 or size > LARGEST_DENSE or temperature < COLDEST_DENSE:
        slices = ragged_pairs(support) if isinstance(support, Tensor) else support
        return draw_ragged(
            joint_log_posterior(log_probs, slices, likelihood_weight=likelihood_weight),
            slices,
            uniforms,
            temperature=temperature,
            top_k=top_k,
        )
    first, second = (table / temperature for table in log_probs)
    dense = support if isinstance(support, Tensor) else dense_slices(support, size)
    likelihood = torch.where(torch.isfinite(dense), likelihood_weight / temperature * dense, -math.inf)
    if top_k is None:
        drawn = sample_pairs(first, second, likelihood, uniforms)
    else:
        drawn = sample_top_pairs(first, second, likelihood, uniforms, top_k=top_k)
    scores = temperature * drawn.scores.double()
    weights = scores - (drawn.scores.double() - drawn.log_normaliser.double())
    return DrawnTuples(drawn.codes, scores, weights.nan_to_num(nan=-math.inf, neginf=-math.inf))


def draw_ragged(
    scores: Tensor, slices: RaggedSlices, uniforms: Tensor, *, temperature: float, top_k: int | None
) -> DrawnTuples:
    """As `draw_tuples`, from the unnormalised log posterior [total, W] of every tuple in `slices`."""
    bounds = slices.offsets.tolist()
    rows, weights = [], []
    for row, (first, last) in enumerate(pairwise(bounds)):
        segment = scores[first:last]
        picked = sample_tuples(segment, uniforms[row], temperature=temperature, top_k=top_k)
        tempered = (segment - segment.amax(dim=0)).double() / temperature
        allowed = tempered if top_k is None else tempered.topk(min(top_k, len(segment)), dim=0).values
        weights.append(allowed.logsumexp(dim=0) - gather_rows(tempered, picked))  # -log q
        rows.append(first + picked)
    chosen = torch.stack(rows)  # [B, W]
    found = scores.gather(0, chosen).double()
    log_weights = (found + torch.stack(weights)).nan_to_num(nan=-math.inf, neginf=-math.inf)
    return DrawnTuples(slices.tuples[chosen], found, log_weights)


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
    if top_k is not None:
        values, indices = scores.topk(min(top_k, len(scores)), dim=0, sorted=True)  # [k, W]
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
