"""Decoding sequences: from mixture codes to W hypotheses of the sources' codes (step 5 of the method)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.separation.beam import best_continuations
from lass.separation.posterior import joint_log_posterior
from lass.separation.prior import Prior
from lass.separation.sampling import check_sampler, gather_rows, sample_tuples


@dataclass(frozen=True)
class Method:
    """How a sequence is decoded.

    `greedy` takes the best tuple of every position, `beam` the W best joint prefixes; `ancestral` and `top_k`
    draw W candidates independently.
    """

    name: str  # greedy, beam, ancestral or top_k
    hypotheses: int = 1  # W
    likelihood_weight: float = 1.0  # lambda
    temperature: float = 1.0  # of the samplers
    top_k: int | None = None  # of top_k

    def __post_init__(self) -> None:
        """Refuse combinations that mean nothing."""
        if self.name not in ("greedy", "beam", "ancestral", "top_k"):
            raise ValueError(f"decoding method {self.name!r}: choose greedy, beam, ancestral or top_k")
        if self.hypotheses < 1 or (self.name == "greedy" and self.hypotheses != 1):
            raise ValueError(
                f"{self.name} with {self.hypotheses} hypotheses: at least 1, and exactly 1 for greedy"
            )
        if (self.name == "top_k") != (self.top_k is not None):
            raise ValueError(
                f"{self.name} with top_k = {self.top_k}: the method top_k needs it, the others refuse it"
            )
        if not 0 <= self.likelihood_weight < math.inf:
            raise ValueError(f"likelihood_weight {self.likelihood_weight} must be finite and not negative")
        check_sampler(self.temperature, self.top_k)

    @property
    def searches(self) -> bool:
        """Whether hypotheses compete (greedy, beam) instead of being drawn."""
        return self.name in ("greedy", "beam")


@dataclass(frozen=True)
class Parts:
    """What every step reads and none changes."""

    priors: Sequence[Prior]  # one per source, in the order of the likelihood's tuples
    likelihood: Likelihood
    method: Method


@dataclass
class Hypotheses:
    """State of the loop over positions, and its result."""

    codes: Tensor  # [B, W, S, N] int64; -1 where not decoded yet
    scores: Tensor  # [B, W] float64: log posterior up to a constant per mixture; -inf: no such hypothesis


@torch.inference_mode()
def decode_sequences(
    mixture: Tensor,
    *,
    priors: Sequence[Prior],
    likelihood: Likelihood,
    method: Method,
    uniforms: Tensor | None = None,
) -> Hypotheses:
    """Decode W hypotheses for each of B mixtures.

    Args:
        mixture: mixture codes m [B, S], all of them counted (`lass.likelihood.tensor.nearest_counted`).
        priors: one per source, in the order of the likelihood's tuples.
        likelihood: the table p(m | z_1..z_N).
        method: how to decode.
        uniforms: numbers in [0, 1) [B, S, W] that decide every draw of a sampler; greedy and beam need none.

    Raises:
        ValueError: where number of priors, codebook sizes or uniforms do not fit, or a mixture code was never
            counted, or a prior gives NaN.
    """
    parts = Parts(priors, likelihood, method)
    check_inputs(mixture, parts, uniforms)
    batch, length = mixture.shape
    width, sources = method.hypotheses, len(priors)
    state = Hypotheses(
        codes=torch.full((batch, width, length, sources), -1, dtype=torch.int64, device=mixture.device),
        scores=torch.zeros(batch, width, dtype=torch.float64, device=mixture.device),
    )
    if method.searches:
        state.scores[:, 1:] = -torch.inf
    caches = [prior.start(batch * width, length) for prior in priors]
    for position in range(length):
        draws = None if uniforms is None else uniforms[:, position]
        advance(state, position, mixture[:, position], parts=parts, caches=caches, uniforms=draws)
    return state


def advance(
    state: Hypotheses,
    position: int,
    codes: Tensor,
    *,
    parts: Parts,
    caches: list[Any],
    uniforms: Tensor | None,
) -> None:
    """Extend every hypothesis by one position whose mixture codes are `codes` [B]; `uniforms` [B, W]."""
    method = parts.method
    batch, width = state.scores.shape
    slices = parts.likelihood.slices(codes)
    tables = []
    for source, (prior, cache) in enumerate(zip(parts.priors, caches, strict=True)):
        previous = None if position == 0 else state.codes[:, :, position - 1, source].reshape(-1)
        tables.append(prior.log_probs(previous, cache).reshape(batch, width, -1))
    scores = joint_log_posterior(tables, slices, likelihood_weight=method.likelihood_weight)  # [total, W]
    if scores.isnan().any():
        raise ValueError(f"a prior or the likelihood gives NaN at position {position}: train it anew")
    bounds = slices.offsets.tolist()
    parents = torch.arange(width, device=codes.device).repeat(batch, 1)
    chosen = torch.empty(batch, width, dtype=torch.int64, device=codes.device)
    for row in range(batch):
        segment = scores[bounds[row] : bounds[row + 1]]
        if method.searches:
            parents[row], picked = search_step(state.scores[row], segment)
        else:
            assert uniforms is not None
            picked = sample_tuples(segment, uniforms[row], temperature=method.temperature, top_k=method.top_k)
            state.scores[row] += gather_rows(segment, picked)
        chosen[row] = bounds[row] + picked
    if method.searches and position > 0:
        follow_parents(state, position, parents, parts.priors, caches)
    state.codes[:, :, position] = slices.tuples[chosen.flatten()].reshape(batch, width, -1)


def search_step(totals: Tensor, segment: Tensor) -> tuple[Tensor, Tensor]:
    """Parents [W] and tuples [W] of one mixture's best continuations; `totals` [W] follows in place."""
    peak = totals.max().clamp_min(torch.finfo(totals.dtype).min)  # finite where no hypothesis is left
    best = best_continuations((totals - peak).float(), segment)
    totals.copy_(best.scores.double() + peak)
    return best.parents, best.tuples


def follow_parents(
    state: Hypotheses, position: int, parents: Tensor, priors: Sequence[Prior], caches: list[Any]
) -> None:
    """Let prefixes and caches follow `parents` [B, W]; scores already belong to the new hypotheses."""
    batch, width = parents.shape
    rows = (parents + width * torch.arange(batch, device=parents.device)[:, None]).flatten()
    prefixes = state.codes[:, :, :position].flatten(0, 1)
    state.codes[:, :, :position] = prefixes[rows].reshape(batch, width, position, -1)
    for prior, cache in zip(priors, caches, strict=True):
        prior.reorder(cache, rows)


def check_inputs(mixture: Tensor, parts: Parts, uniforms: Tensor | None) -> None:
    """Refuse parts that do not belong together."""
    priors, likelihood, method = parts.priors, parts.likelihood, parts.method
    sizes = {f"prior {index}": prior.codebook_size for index, prior in enumerate(priors)}
    if any(size != likelihood.codebook_size for size in sizes.values()):
        raise ValueError(
            f"codebook sizes differ: likelihood {likelihood.codebook_size}, {sizes}; use parts of one codec"
        )
    if len(priors) != likelihood.sources:
        raise ValueError(
            f"{len(priors)} priors for a likelihood of {likelihood.sources} sources: one per source"
        )
    if mixture.dim() != 2 or mixture.numel() == 0:
        raise ValueError(f"mixture codes of shape {tuple(mixture.shape)}: [B, S] with B, S >= 1 is needed")
    if mixture.dtype != torch.int64 or mixture.min() < 0 or mixture.max() >= likelihood.codebook_size:
        raise ValueError(
            f"mixture codes are {mixture.dtype} from {mixture.min()} to {mixture.max()}: int64 codes in "
            f"[0, {likelihood.codebook_size}) are needed"
        )
    empty = (likelihood.offsets.diff() == 0)[mixture]
    if empty.any():
        raise ValueError(
            f"mixture code {int(mixture[empty][0])} was never counted: map codes by nearest_counted first"
        )
    if not method.searches and (uniforms is None or uniforms.shape != (*mixture.shape, method.hypotheses)):
        raise ValueError(f"{method.name} needs uniforms of shape {(*mixture.shape, method.hypotheses)}")
