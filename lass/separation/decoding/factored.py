"""Sampling pairs of codes from the posterior of a position without ever forming it.

With two sources the posterior is `p_1(z_1) p_2(z_2) L(z_1, z_2)`, with L = p(m | z_1, z_2)^lambda. Its
marginal over z_1 is `p_1 * (L p_2)`: one matrix product for all hypotheses of a mixture. Given z_1, that of
z_2 is `L[z_1] * p_2`. Both draws together take K (K + 2) products per hypothesis and no array of K² entries.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lass.likelihood.tensor import RaggedSlices

SMALL = 1e-19  # shares below are 0: a CPU multiplies denormal numbers, their products, 100 times slower
TINY = 1e-9  # a normaliser below may have lost more than float32 can tell: the draw is repeated exactly
BLOCK = 16  # numbers that exp takes at once: the last few of an array may round differently
AT_ONCE = 2**20  # pairs that are drawn exactly at a time: bounds the memory


@dataclass(frozen=True)
class Drawn:
    """One tuple per hypothesis, and the distribution that it was drawn from."""

    codes: Tensor  # [B, W, N] int64
    scores: Tensor  # [B, W]: unnormalised log posterior of the tuple; -inf where every tuple is impossible
    log_normaliser: Tensor  # [B, W]: log of the sum of the unnormalised posterior over all tuples


class Pairs(Protocol):
    """log L of all pairs of B mixtures."""

    peak: Tensor  # [B, 1, 1]: the largest of each mixture

    def shares(self) -> Tensor:
        """L of every pair as a share of its mixture's largest [B, K, K]."""

    def at(self, codes: Tensor) -> Tensor:
        """Log L [B, W] of the pairs `codes` [B, W, 2]."""

    def dense(self, rows: Tensor) -> Tensor:
        """Log L [R, K, K] of the mixtures `rows` [R]."""


class DensePairs:
    """Given for all of them [B, K, K]; -inf for impossible pairs."""

    def __init__(self, log_likelihood: Tensor) -> None:
        """Keep the table."""
        self.log_likelihood = log_likelihood
        self.peak = finite_peak(log_likelihood, dim=(1, 2))  # [B, 1, 1]

    def shares(self) -> Tensor:
        """As of `Pairs`."""
        return shares(self.log_likelihood - self.peak)

    def at(self, codes: Tensor) -> Tensor:
        """As of `Pairs`."""
        row = torch.arange(len(codes), device=codes.device)[:, None]
        return self.log_likelihood[row, codes[..., 0], codes[..., 1]]

    def dense(self, rows: Tensor) -> Tensor:
        """As of `Pairs`."""
        return self.log_likelihood[rows]


class SparsePairs:
    """From the pairs that are possible: only these are looked at, one in a hundred as a rule."""

    def __init__(self, slices: RaggedSlices, codes: int) -> None:
        """Take `slices` of B mixtures for K `codes`; their pairs ascend."""
        self.slices, self.codes = slices, codes
        self.row = slices.row
        lowest = torch.finfo(torch.float32).min
        self.peak = torch.full((len(slices.offsets) - 1,), lowest, device=self.row.device)
        self.peak = self.peak.scatter_reduce_(0, self.row, slices.log_likelihood, "amax")[:, None, None]
        self.places = (self.row * codes + slices.tuples[:, 0]) * codes + slices.tuples[:, 1]  # ascending

    def shares(self) -> Tensor:
        """As of `Pairs`."""
        relative = self.slices.log_likelihood - self.peak[self.row, 0, 0]
        whole = functional.pad(relative, (0, -len(relative) % BLOCK))  # or bytes depend on the other mixtures
        spread = torch.zeros(len(self.peak) * self.codes**2, device=self.row.device)
        spread[self.places] = shares(whole)[: len(relative)]
        return spread.view(-1, self.codes, self.codes)

    def at(self, codes: Tensor) -> Tensor:
        """As of `Pairs`."""
        row = torch.arange(len(codes), device=codes.device)[:, None]
        wanted = (row * self.codes + codes[..., 0]) * self.codes + codes[..., 1]
        nearest = torch.searchsorted(self.places, wanted).clamp_max(len(self.places) - 1)
        return torch.where(self.places[nearest] == wanted, self.slices.log_likelihood[nearest], -torch.inf)

    def dense(self, rows: Tensor) -> Tensor:
        """As of `Pairs`."""
        return torch.stack([dense_slices(self.slices.only(int(row)), self.codes)[0] for row in rows])


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
        offsets=functional.pad(sizes.cumsum(0), (1, 0)),
    )


def raised(log_likelihood: Tensor, power: float) -> Tensor:
    """`power` times the logarithms; what is impossible stays so at power 0."""
    return torch.where(torch.isfinite(log_likelihood), power * log_likelihood, -torch.inf)


def sample_pairs(first: Tensor, second: Tensor, pairs: Pairs, uniforms: Tensor) -> Drawn:
    """Draw a pair for every hypothesis from the whole posterior.

    Args:
        first: log p_1(z_1 | past) [B, W, K].
        second: log p_2(z_2 | past) [B, W, K].
        pairs: log L of all pairs.
        uniforms: numbers in [0, 1) [B, W]. Pairs stand in row-major order: a number decides z_1, and what is
            left of it inside the chosen row decides z_2.
    """
    likelihood = pairs.shares()  # [B, K, K]
    heights = [finite_peak(log_probs, dim=-1) for log_probs in (first, second)]  # [B, W, 1]
    p_first, p_second = shares(first - heights[0]), shares(second - heights[1])
    marginal = p_first * (p_second @ likelihood.transpose(1, 2))  # [B, W, K]
    log_normaliser = marginal.sum(dim=-1).log() + (heights[0] + heights[1] + pairs.peak)[..., 0]
    z_first, left = invert(marginal, uniforms)
    row = torch.arange(len(first), device=first.device)[:, None]
    z_second, _ = invert(likelihood[row, z_first] * p_second, left)
    codes = torch.stack([z_first, z_second], dim=-1)
    lost = (marginal.sum(dim=-1) < TINY).nonzero()  # [R, 2]
    parts = lost.split(max(1, AT_ONCE // first.shape[2] ** 2)) if len(lost) else ()
    for owners, rows in (part.T for part in parts):
        exact = sample_exactly(
            first[owners, rows], second[owners, rows], pairs.dense(owners), uniforms[owners, rows]
        )
        codes[owners, rows], log_normaliser[owners, rows] = exact.codes, exact.log_normaliser
    scores = pair_scores(first, second, codes) + pairs.at(codes)
    return Drawn(codes=codes, scores=scores, log_normaliser=log_normaliser)


def shares(logarithms: Tensor) -> Tensor:
    """Exponential of `logarithms` (at most 0), without numbers under `SMALL`."""
    return functional.threshold(logarithms.exp(), SMALL, 0.0)


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


def pair_scores(first: Tensor, second: Tensor, codes: Tensor) -> Tensor:
    """Sum of both priors' log-probabilities [B, W] of the pairs `codes` [B, W, 2]."""
    parts = [
        log_probs.gather(2, codes[..., n : n + 1])[..., 0] for n, log_probs in enumerate((first, second))
    ]
    return parts[0] + parts[1]


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
