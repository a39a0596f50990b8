"""Rows that sequences live in: whole blocks, in which those that go on stay where they are."""

import torch
from torch import Tensor

# Matrix products round differently for a few rows than for many. Batches padded to a multiple of this many
# rows give every row the same bytes, whatever shares the batch with it.
ROW_BLOCK = 16


def padded(rows: int) -> int:
    """`rows`, rounded up to whole blocks."""
    return -(-rows // ROW_BLOCK) * ROW_BLOCK


def keep_rows(parents: Tensor) -> Tensor:
    """Row in [0, U) of each of U sequences with ascending `parents` [U]: the first child stays in place."""
    number = len(parents)
    first = torch.cat([parents.new_ones(1, dtype=torch.bool), parents.diff() > 0]) & (parents < number)
    places = torch.where(first, parents, -1)
    free = torch.ones(number, dtype=torch.bool, device=parents.device)
    free[parents[first]] = False
    places[~first] = free.nonzero()[:, 0]
    return places


def rank_in_group(groups: Tensor) -> Tensor:
    """How many rows before it have the same group, for each of `groups` [U] in [0, G)."""
    order = groups.argsort(stable=True)
    sizes = torch.bincount(groups)
    begins = (sizes.cumsum(0) - sizes)[groups[order]]  # [U], in the order of groups
    ranks = torch.empty_like(groups)
    ranks[order] = torch.arange(len(groups), device=groups.device) - begins
    return ranks


def first_rows(groups: Tensor, number: int) -> Tensor:
    """The first row of each of `number` groups, given the group of each row [U]."""
    first = torch.full((number,), len(groups), dtype=torch.int64, device=groups.device)
    return first.scatter_reduce_(0, groups, torch.arange(len(groups), device=groups.device), reduce="amin")
