"""Sampling tuples of any number of sources from the posterior of a position, by sums from the inside out.

The posterior of a slice is `p_1(z_1) ... p_N(z_N) L(z_1..z_N)`, with L = p(m | z_1..z_N)^lambda, on tuples
that ascend. Tuples with equal z_1..z_{N-1} stand together: the sum over their z_N is a product of a sparse
matrix with p_N, for all hypotheses at once. What is left has one source less. The last sum is the marginal
of z_1; given z_1, few tuples are left to choose from.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding.factored import SMALL, TINY, finite_peak, invert, shares


@dataclass(frozen=True)
class DrawnPlaces:
    """One tuple of a slice per hypothesis of one mixture, and the distribution that it was drawn from."""

    places: Tensor  # [W] int64 in [0, n)
    log_normaliser: Tensor  # [W] float64: log of the sum of the unnormalised posterior over all tuples
    lost: Tensor  # [W] bool: float32 cannot tell; the draw has to be repeated exactly


def sample_nested(log_probs: Sequence[Tensor], slice_: RaggedSlices, uniforms: Tensor) -> DrawnPlaces:
    """Draw a tuple for every hypothesis of one mixture.

    Args:
        log_probs: log p_n(z_n | past) of every source [W, K].
        slice_: log L of the n tuples of one mixture's slice, which ascend.
        uniforms: numbers in [0, 1) [W]. A number decides z_1, and what is left of it inside the chosen code
            decides the tuple.
    """
    heights = [finite_peak(table, dim=1) for table in log_probs]  # [W, 1]
    tables = [shares(table - height) for table, height in zip(log_probs, heights, strict=True)]
    peak = slice_.log_likelihood.max()
    likelihood = shares(slice_.log_likelihood - peak)  # [n]
    starts = group_starts(slice_.tuples)
    inner = sum_inside(tables, slice_.tuples, likelihood, starts)  # [G, W]: one row for each z_1
    codes = slice_.tuples[starts[0], 0]  # [G]
    marginal = tables[0][:, codes] * inner.T  # [W, G]
    group, left = invert(marginal, uniforms)
    total = marginal.sum(dim=1)
    height = torch.cat(heights, dim=1).sum(dim=1) + peak
    places = choose_inside(tables, slice_.tuples, likelihood, (starts[0], group), left)
    return DrawnPlaces(places, total.double().log() + height, total < TINY)


def group_starts(tuples: Tensor) -> list[Tensor]:
    """Where a new z_1..z_j begins in ascending `tuples` [n, N]: [G_j] int64 for every j in 1..N-1."""
    changed = (tuples[1:, :-1] != tuples[:-1, :-1]).cummax(dim=1).values  # [n - 1, N - 1]
    return [functional.pad(column.nonzero()[:, 0] + 1, (1, 0)) for column in changed.unbind(dim=1)]


def sum_inside(
    tables: Sequence[Tensor], tuples: Tensor, likelihood: Tensor, starts: Sequence[Tensor]
) -> Tensor:
    """Sum of `L p_2 ... p_N` over z_2..z_N for every z_1 that occurs [G, W], from shares p_n [W, K]."""
    ends = functional.pad(starts[-1], (0, 1), value=len(tuples))
    sums = sparse_rows(ends, tuples[:, -1], likelihood, tables[-1].shape[1]) @ tables[-1].T.contiguous()
    for source in range(len(starts) - 1, 0, -1):
        own = starts[source]  # [G]: where the tuples of each sum begin
        factor = tables[source].T.index_select(0, tuples[own, source])  # [G, W]
        terms = functional.threshold(sums, SMALL, 0.0) * factor
        ends = functional.pad(torch.searchsorted(own, starts[source - 1]), (0, 1), value=len(own))
        each = torch.arange(len(own), device=own.device)
        sums = sparse_rows(ends, each, terms.new_ones(len(own)), len(own)) @ terms
    return functional.threshold(sums, SMALL, 0.0)


def sparse_rows(ends: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """A sparse matrix [R, width] whose row r holds `values` at `columns` from `ends[r]` to `ends[r + 1]`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")  # the kind is in beta, and not checked
        return torch.sparse_csr_tensor(ends, columns, values, size=(len(ends) - 1, width))


def choose_inside(
    tables: Sequence[Tensor],
    tuples: Tensor,
    likelihood: Tensor,
    chosen: tuple[Tensor, Tensor],
    left: Tensor,
) -> Tensor:
    """The tuple [W] that the numbers `left` [W] fall into, of those with the z_1 that was chosen.

    `chosen`: where the tuples of every z_1 begin [G], and which z_1 each hypothesis has [W] in [0, G).
    """
    starts, group = chosen
    ends = functional.pad(starts[1:], (0, 1), value=len(tuples))
    sizes = (ends - starts)[group]  # [W]
    inside = torch.arange(int(sizes.max()), device=starts.device)
    places = (starts[group][:, None] + inside).clamp_max(len(tuples) - 1)  # [W, T]
    mass = torch.where(inside < sizes[:, None], likelihood[places].double(), 0.0)
    for source, table in enumerate(tables[1:], start=1):
        mass *= table.gather(1, tuples[:, source][places])
    del places  # what follows needs the memory
    within, _ = invert(mass, left)
    return starts[group] + torch.minimum(within, sizes - 1)
