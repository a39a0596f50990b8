"""Drawing one tuple per hypothesis from the posterior of a position: ancestral and top-k sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding.factored import finite_peak, invert, raised, sample_pairs
from lass.separation.decoding.nested import sample_nested
from lass.separation.decoding.posterior import joint_log_posteriors, log_posteriors
from lass.separation.decoding.state import Step
from lass.separation.decoding.support import Support

LARGEST_DENSE = 1024  # K up to which two sources are drawn from dense slices
COLDEST_DENSE = 0.01  # temperature under which products of float32 numbers would be lost


def draw_tuples(
    log_probs: Sequence[Tensor],
    support: Support,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
    top_k: int | None,
) -> Step:
    """Draw a tuple for each of W hypotheses of B mixtures.

    Scores [B, W] float64 are the unnormalised log posteriors of the tuples, -inf where every tuple is
    impossible; log weights are the same, less the log-probability with which each tuple was drawn.

    Args:
        log_probs: `log p_n(z_n | past)` of every source [B, W, K].
        support: the likelihood of the position.
        uniforms: numbers in [0, 1) [B, W].
        likelihood_weight: lambda.
        temperature: the posterior is raised to `1 / temperature`.
        top_k: only the k most probable tuples of each hypothesis may be drawn; None for all.

    Drawn in factored form, from dense slices where two sources have a small codebook; the k best alone, one
    source, and where it is very cold, tuple by tuple. The same numbers give the same tuples.
    """
    size = log_probs[0].shape[2]
    alone = top_k is not None or temperature < COLDEST_DENSE or len(log_probs) == 1
    if alone or len(log_probs) > 2 or size > LARGEST_DENSE:
        slices = support.slices()
        posterior = {"likelihood_weight": likelihood_weight, "temperature": temperature}
        if alone:
            return draw_ragged(log_probs, slices, uniforms, top_k=top_k, **posterior)
        return draw_nested(log_probs, slices, uniforms, **posterior)
    first, second = (table / temperature for table in log_probs)
    drawn = sample_pairs(first, second, support.pairs(likelihood_weight / temperature), uniforms)
    scores = temperature * drawn.scores.double()
    weights = scores - (drawn.scores.double() - drawn.log_normaliser.double())
    weights = weights.nan_to_num(nan=-math.inf, neginf=-math.inf)
    return Step(drawn.codes, scores, log_weights=weights)


def draw_ragged(
    log_probs: Sequence[Tensor],
    slices: RaggedSlices,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
    top_k: int | None,
) -> Step:
    """As `draw_tuples`, tuple by tuple on the support, for any number of sources and any codebook."""
    posteriors = joint_log_posteriors(log_probs, slices, likelihood_weight=likelihood_weight)
    picked = [
        pick_tuples(scores, numbers, temperature=temperature, top_k=top_k)
        for scores, numbers in zip(posteriors, uniforms, strict=True)
    ]
    chosen = torch.stack([one.places for one in picked]) + slices.offsets[:-1, None]  # [B, W]
    return Step(
        slices.tuples[chosen],
        torch.stack([one.scores for one in picked]),
        log_weights=torch.stack([one.log_weights for one in picked]),
    )


def draw_nested(
    log_probs: Sequence[Tensor],
    slices: RaggedSlices,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
) -> Step:
    """As `draw_tuples` on the support, for any number of sources and any codebook, mixture by mixture."""
    drawn = [
        draw_nested_alone(
            [table[item] for table in log_probs],
            slices.only(item),
            numbers,
            likelihood_weight=likelihood_weight,
            temperature=temperature,
        )
        for item, numbers in enumerate(uniforms)
    ]
    codes, scores, log_weights = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    return Step(codes, scores, log_weights=log_weights)


def draw_nested_alone(
    log_probs: Sequence[Tensor],
    slice_: RaggedSlices,
    uniforms: Tensor,
    *,
    likelihood_weight: float,
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Codes [W, N], scores [W] and log weights [W] of one mixture, from `log p_n(z_n | past)` [W, K]."""
    powers = raised(slice_.log_likelihood, likelihood_weight / temperature)
    tables = [table / temperature for table in log_probs]
    drawn = sample_nested(tables, replace(slice_, log_likelihood=powers), uniforms)
    codes = slice_.tuples[drawn.places]  # [W, N]
    known = slice_.log_likelihood[drawn.places]
    scores = log_posteriors(  # every hypothesis has a tuple of its own
        [table[:, None] for table in log_probs],
        codes[:, None],
        known[:, None],
        likelihood_weight=likelihood_weight,
    )[:, 0, 0].double()
    weights = scores - (scores / temperature - drawn.log_normaliser)
    weights = weights.nan_to_num(nan=-math.inf, neginf=-math.inf)
    rows = drawn.lost.nonzero()[:, 0]
    if len(rows):
        exact = draw_ragged(
            [table[rows][None] for table in log_probs],
            slice_,
            uniforms[rows][None],
            likelihood_weight=likelihood_weight,
            temperature=temperature,
            top_k=None,
        )
        assert exact.log_weights is not None, "of everything that is drawn"
        codes[rows], scores[rows], weights[rows] = exact.codes[0], exact.scores[0], exact.log_weights[0]
    return codes, scores, weights


@dataclass(frozen=True)
class Picked:
    """One tuple of a slice per hypothesis of one mixture."""

    places: Tensor  # [W] int64 in [0, n)
    scores: Tensor  # [W] float64: as of `draw_tuples`
    log_weights: Tensor  # [W] float64: as of `draw_tuples`


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
    tempered = tempered_mass(values, temperature=temperature)
    mass = tempered.exp()
    chosen = invert(mass, uniforms)[0][:, None]  # [W, 1]
    kept = values.gather(1, chosen).double()
    log_weights = kept - tempered.gather(1, chosen) + mass.sum(dim=1, keepdim=True).log()
    return Picked(
        places=(chosen if places is None else places.gather(1, chosen))[:, 0],
        scores=kept[:, 0],
        log_weights=log_weights[:, 0].nan_to_num(nan=-math.inf, neginf=-math.inf),
    )


def tempered_mass(scores: Tensor, *, temperature: float) -> Tensor:
    """What `scores` [R, n] are at a temperature, float64: logarithms, the best of a row 0."""
    return (scores - finite_peak(scores, dim=1)).double() / temperature
