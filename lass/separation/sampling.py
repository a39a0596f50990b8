"""Drawing one tuple per hypothesis from the posterior of a position: ancestral and top-k sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.factored import (
    DensePairs,
    SparsePairs,
    finite_peak,
    invert,
    ragged_pairs,
    sample_pairs,
)
from lass.separation.posterior import joint_log_posteriors

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

    Two sources and a small codebook are drawn in factored form; everything else, and the k best alone, tuple
    by tuple: the same numbers give the same tuples.
    """
    size = log_probs[0].shape[2]
    if top_k is not None or len(log_probs) > 2 or size > LARGEST_DENSE or temperature < COLDEST_DENSE:
        return draw_ragged(
            log_probs,
            ragged_pairs(support) if isinstance(support, Tensor) else support,
            uniforms,
            likelihood_weight=likelihood_weight,
            temperature=temperature,
            top_k=top_k,
        )
    first, second = (table / temperature for table in log_probs)
    power = likelihood_weight / temperature
    pairs: DensePairs | SparsePairs
    if isinstance(support, Tensor):
        pairs = DensePairs(raised(support, power))
    else:
        pairs = SparsePairs(replace(support, log_likelihood=raised(support.log_likelihood, power)), size)
    drawn = sample_pairs(first, second, pairs, uniforms)
    scores = temperature * drawn.scores.double()
    weights = scores - (drawn.scores.double() - drawn.log_normaliser.double())
    return DrawnTuples(drawn.codes, scores, weights.nan_to_num(nan=-math.inf, neginf=-math.inf))


def raised(log_likelihood: Tensor, power: float) -> Tensor:
    """`power` times the logarithms; what is impossible stays so at power 0."""
    return torch.where(torch.isfinite(log_likelihood), power * log_likelihood, -math.inf)


def draw_ragged(
    log_probs: Sequence[Tensor],
    slices: RaggedSlices,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
    top_k: int | None,
) -> DrawnTuples:
    """As `draw_tuples`, tuple by tuple on the support, for any number of sources and any codebook."""
    posteriors = joint_log_posteriors(log_probs, slices, likelihood_weight=likelihood_weight)
    picked = [
        pick_tuples(scores, numbers, temperature=temperature, top_k=top_k)
        for scores, numbers in zip(posteriors, uniforms, strict=True)
    ]
    chosen = torch.stack([one.places for one in picked]) + slices.offsets[:-1, None]  # [B, W]
    return DrawnTuples(
        slices.tuples[chosen],
        torch.stack([one.scores for one in picked]),
        torch.stack([one.log_weights for one in picked]),
    )


@dataclass(frozen=True)
class Picked:
    """One tuple of a slice per hypothesis of one mixture."""

    places: Tensor  # [W] int64 in [0, n)
    scores: Tensor  # [W] float64: as of `DrawnTuples`
    log_weights: Tensor  # [W] float64: as of `DrawnTuples`


def pick_tuples(scores: Tensor, uniforms: Tensor, *, temperature: float, top_k: int | None) -> Picked:
    """Draw one tuple per hypothesis by inverting the cumulative distribution.

    Args:
        scores: unnormalised log posterior [W, n] of the n tuples of one mixture's slice.
        uniforms: one number in [0, 1) per hypothesis [W].
        temperature: the posterior is raised to `1 / temperature`; ancestral sampling has 1.
        top_k: only the k most probable tuples of each hypothesis may be drawn; None for all.

    A tuple of probability zero is never drawn, unless all have probability zero.
    """
    if top_k is None:
        values, places = scores, None
    else:
        values, places = scores.topk(min(top_k, scores.shape[1]), dim=1)  # [W, k]
    tempered = (values - finite_peak(values, dim=1)).double() / temperature  # the best keeps 0 at any
    mass = tempered.exp()
    chosen = invert(mass, uniforms)[0][:, None]  # [W, 1]
    found = values.gather(1, chosen).double()
    log_weights = found - tempered.gather(1, chosen) + mass.sum(dim=1, keepdim=True).log()
    return Picked(
        places=(chosen if places is None else places.gather(1, chosen))[:, 0],
        scores=found[:, 0],
        log_weights=log_weights[:, 0].nan_to_num(nan=-math.inf, neginf=-math.inf),
    )


def check_sampler(temperature: float, top_k: int | None) -> None:
    """Refuse settings that no distribution has."""
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature {temperature} must be positive and finite; for the mode use greedy search"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k {top_k} must be at least 1")
