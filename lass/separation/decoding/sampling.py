"""Drawing one tuple per hypothesis from the posterior of a position: ancestral and top-k sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding.factored import (
    DensePairs,
    SparsePairs,
    finite_peak,
    invert,
    ragged_pairs,
    sample_pairs,
)
from lass.separation.decoding.nested import sample_nested
from lass.separation.decoding.posterior import joint_log_posteriors

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

    Drawn in factored form, from dense slices where two sources have a small codebook; the k best alone, and
    where it is very cold, tuple by tuple. The same numbers give the same tuples.
    """
    size = log_probs[0].shape[2]
    alone = top_k is not None or temperature < COLDEST_DENSE
    if alone or len(log_probs) > 2 or size > LARGEST_DENSE:
        slices = ragged_pairs(support) if isinstance(support, Tensor) else support
        posterior = {"likelihood_weight": likelihood_weight, "temperature": temperature}
        if alone:
            return draw_ragged(log_probs, slices, uniforms, top_k=top_k, **posterior)
        return draw_nested(log_probs, slices, uniforms, **posterior)
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


def draw_nested(
    log_probs: Sequence[Tensor],
    slices: RaggedSlices,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
) -> DrawnTuples:
    """As `draw_tuples` on the support, for any number of sources and any codebook, mixture by mixture."""
    power = likelihood_weight / temperature
    found = []
    for item, numbers in enumerate(uniforms):
        part = slices.only(item)
        tables = [table[item] / temperature for table in log_probs]  # [W, K]
        drawn = sample_nested(
            tables, replace(part, log_likelihood=raised(part.log_likelihood, power)), numbers
        )
        codes = part.tuples[drawn.places]  # [W, N]
        scores = likelihood_weight * part.log_likelihood[drawn.places]
        for table, own in zip(log_probs, codes.unbind(dim=1), strict=True):
            scores = scores + table[item].gather(1, own[:, None])[:, 0]
        weights = scores.double() - (scores.double() / temperature - drawn.log_normaliser)
        one = DrawnTuples(codes, scores.double(), weights.nan_to_num(nan=-math.inf, neginf=-math.inf))
        rows = drawn.lost.nonzero()[:, 0]
        if len(rows):
            exact = draw_ragged(
                [table[item, rows][None] for table in log_probs],
                part,
                numbers[rows][None],
                likelihood_weight=likelihood_weight,
                temperature=temperature,
                top_k=None,
            )
            one.codes[rows], one.scores[rows] = exact.codes[0], exact.scores[0]
            one.log_weights[rows] = exact.log_weights[0]
        found.append(one)
    return DrawnTuples(
        torch.stack([one.codes for one in found]),
        torch.stack([one.scores for one in found]),
        torch.stack([one.log_weights for one in found]),
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
