"""Decoding sequences: from mixture codes to W hypotheses of the sources' codes (step 5 of the method)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lass.compute.triton_trial import has_triton
from lass.likelihood.tensor import Likelihood, RaggedSlices
from lass.separation.decoding.beam import best_continuations
from lass.separation.decoding.factored import ragged_pairs
from lass.separation.decoding.particles import resample
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.readers import Reader, follow_parents, next_log_probs, open_readers
from lass.separation.decoding.sampling import check_sampler, draw_tuples

METHODS = ("greedy", "beam", "ancestral", "top_k", "particle")


@dataclass(frozen=True)
class Method:
    """How a sequence is decoded.

    `greedy` takes the best tuple of every position, `beam` the W best joint prefixes; `ancestral` and `top_k`
    draw W candidates independently, `particle` draws W that are resampled along the sequence.
    """

    name: str  # one of METHODS
    hypotheses: int = 1  # W
    likelihood_weight: float = 1.0  # lambda
    temperature: float = 1.0  # of the samplers
    top_k: int | None = None  # of top_k
    resampling: float | None = None  # of particle: share of W that is too low an effective sample size

    def __post_init__(self) -> None:
        """Refuse combinations that mean nothing."""
        if self.name not in METHODS:
            raise ValueError(f"decoding method {self.name!r}: choose one of {', '.join(METHODS)}")
        if (self.name == "particle") != (self.resampling is not None):
            raise ValueError(
                f"{self.name} with resampling = {self.resampling}: the method particle needs it, "
                "the others refuse it"
            )
        if self.resampling is not None and not 0 < self.resampling <= 1:
            raise ValueError(f"resampling {self.resampling} must be a share in (0, 1]")
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

    @property
    def relates(self) -> bool:
        """Whether hypotheses descend from one another: beams and particles."""
        return self.name not in ("ancestral", "top_k")

    @property
    def draws(self) -> int:
        """Uniform numbers for a position of one mixture: one per hypothesis, and one to resample them."""
        if self.searches:
            return 0
        return self.hypotheses + (self.name == "particle")


@dataclass(frozen=True)
class Parts:
    """What has to fit together."""

    priors: Sequence[Prior]  # one per source, in the order of the likelihood's tuples
    likelihood: Likelihood
    method: Method


@dataclass
class Hypotheses:
    """State of the loop over positions, and its result."""

    codes: Tensor  # [B, W, S, N] int64; -1 where not decoded yet
    scores: Tensor  # [B, W] float64: log posterior up to a constant per mixture; -inf: no such hypothesis
    log_weights: Tensor  # [B, W] float64: how much each stands for, of particles; 0 for the other methods


@torch.inference_mode()
def decode_sequences(
    mixture: Tensor,
    *,
    priors: Sequence[Prior],
    likelihood: Likelihood,
    method: Method,
    uniforms: Tensor | None = None,
    evidence: Tensor | None = None,
) -> Hypotheses:
    """Decode W hypotheses for each of B mixtures.

    Args:
        mixture: mixture codes m [B, S], all of them counted (`lass.likelihood.tensor.nearest_counted`).
        priors: one per source, in the order of the likelihood's tuples; one that stands for several sources
            is asked for all of them at once.
        likelihood: the table p(m | z_1..z_N).
        method: how to decode.
        uniforms: numbers in [0, 1) [B, S, `method.draws`] that decide every draw of a sampler; greedy and
            beam need none.
        evidence: log p(y_s | z_1, z_2) [B, S, K, K] (`lass.likelihood.frames`) in place of the table's
            slices; -inf for impossible pairs.

    Raises:
        ValueError: where number of priors, codebook sizes or uniforms do not fit, or a mixture code was never
            counted, or a prior gives NaN.
    """
    parts = Parts(priors, likelihood, method)
    check_inputs(mixture, parts, uniforms)
    if evidence is not None:
        check_evidence(evidence, mixture, likelihood)
    if evidence is None and kernels_suit(mixture, parts):
        return search_by_kernels(mixture, parts)
    batch, length = mixture.shape
    width, sources = method.hypotheses, len(priors)
    state = Hypotheses(
        codes=torch.full((batch, width, length, sources), -1, dtype=torch.int64, device=mixture.device),
        scores=torch.zeros(batch, width, dtype=torch.float64, device=mixture.device),
        log_weights=torch.zeros(batch, width, dtype=torch.float64, device=mixture.device),
    )
    if method.searches:
        state.scores[:, 1:] = -torch.inf
    readers = open_readers(priors, mixture, width=width, related=method.relates, apart=mixture.is_cuda)
    for position in range(length):
        draws = None if uniforms is None else uniforms[:, position]
        here = likelihood.slices(mixture[:, position]) if evidence is None else evidence[:, position]
        advance(state, position, here, method=method, readers=readers, uniforms=draws)
    return state


def kernels_suit(mixture: Tensor, parts: Parts) -> bool:
    """Whether `search_by_kernels` can take this problem."""
    if not (mixture.is_cuda and parts.method.searches and has_triton()):
        return False
    from lass.separation.decoding import kernels  # noqa: PLC0415 (nobody needs Triton on a CPU)

    return kernels.fits(mixture, parts.likelihood, width=parts.method.hypotheses)


def search_by_kernels(mixture: Tensor, parts: Parts) -> Hypotheses:
    """As `decode_sequences` by greedy or beam search, with kernels for every step: on a GPU."""
    from lass.separation.decoding import kernels  # noqa: PLC0415 (nobody needs Triton on a CPU)

    method = parts.method
    beams = kernels.Beams(
        mixture, parts.likelihood, width=method.hypotheses, likelihood_weight=method.likelihood_weight
    )
    readers = open_readers(parts.priors, mixture, width=method.hypotheses, related=True, apart=True)
    undefined = torch.zeros(mixture.shape[1], dtype=torch.bool, device=mixture.device)  # asked for at the end
    for position in range(mixture.shape[1]):
        previous = beams.codes[position - 1] if position > 0 else None
        tables = torch.stack(next_log_probs(previous, readers))
        undefined[position] = tables.isnan().any()
        beams.extend(tables, position)
        follow_parents(beams.parents[position], readers)
    for position in undefined.nonzero()[:1, 0].tolist():
        raise ValueError(f"a prior gives NaN at position {position}: train it anew")
    scores = beams.scores[-1].clone()
    return Hypotheses(beams.traced(), scores, torch.zeros_like(scores))


def advance(
    state: Hypotheses,
    position: int,
    support: RaggedSlices | Tensor,
    *,
    method: Method,
    readers: Sequence[Reader],
    uniforms: Tensor | None,
) -> None:
    """Extend every hypothesis by one position, whose likelihood is `support`; `uniforms` [B, draws]."""
    width = method.hypotheses
    tables = next_log_probs(state.codes[:, :, position - 1] if position > 0 else None, readers)
    if any(table.isnan().any() for table in tables):
        raise ValueError(f"a prior gives NaN at position {position}: train it anew")
    if method.searches:
        slices = ragged_pairs(support) if isinstance(support, Tensor) else support
        search(state, position, tables, slices, method.likelihood_weight, readers)
        return
    assert uniforms is not None
    drawn = draw_tuples(
        tables,
        support,
        uniforms[:, :width],
        likelihood_weight=method.likelihood_weight,
        temperature=method.temperature,
        top_k=method.top_k,
    )
    state.codes[:, :, position] = drawn.codes
    state.scores += drawn.scores
    if method.resampling is not None:
        state.log_weights += drawn.log_weights
        resampled = resample(state.log_weights, uniforms[:, width], threshold=method.resampling)
        state.log_weights = resampled.log_weights
        if resampled.moved.any():
            state.scores = state.scores.gather(1, resampled.parents)
            reorder_codes(state, position + 1, resampled.parents)
            follow_parents(resampled.parents, readers)


def search(
    state: Hypotheses,
    position: int,
    tables: Sequence[Tensor],
    slices: RaggedSlices,
    likelihood_weight: float,
    readers: Sequence[Reader],
) -> None:
    """Extend every mixture by its best continuations."""
    peak = state.scores.amax(dim=1, keepdim=True)
    peak = peak.clamp_min(torch.finfo(peak.dtype).min)  # finite where no hypothesis is left
    prefixes = (state.scores - peak).float()[..., None]  # [B, W, 1]
    ranked = [prefixes + tables[0], *tables[1:]]
    best = best_continuations(ranked, slices, likelihood_weight=likelihood_weight)
    state.scores = best.scores.double() + peak
    if position > 0:
        reorder_codes(state, position, best.parents)
        follow_parents(best.parents, readers)
    state.codes[:, :, position] = slices.tuples[slices.offsets[:-1, None] + best.tuples]


def reorder_codes(state: Hypotheses, decoded: int, parents: Tensor) -> None:
    """Let the first `decoded` positions follow `parents` [B, W]; scores already do."""
    batch = torch.arange(len(parents), device=parents.device)[:, None]
    state.codes[:, :, :decoded] = state.codes[batch, parents, :decoded]


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
    if method.draws and (uniforms is None or uniforms.shape != (*mixture.shape, method.draws)):
        raise ValueError(f"{method.name} needs uniforms of shape {(*mixture.shape, method.draws)}")


def check_evidence(evidence: Tensor, mixture: Tensor, likelihood: Likelihood) -> None:
    """Refuse evidence that is not of every pair of codes at every position."""
    if likelihood.sources != 2:
        raise ValueError(f"evidence of {likelihood.sources} sources: pairs of codes have two")
    wanted = (*mixture.shape, likelihood.codebook_size, likelihood.codebook_size)
    if evidence.shape != wanted:
        raise ValueError(f"evidence of shape {tuple(evidence.shape)}: {wanted} is needed")
