"""Keys and values of Jukebox's prior on a GPU: none ever moves, and nothing there waits for Python.

As `lass.models.attention.ancestry`, every sequence knows which row holds each of its positions, and the
newest position is a number on the GPU, so that a step can be recorded. A layer reads as many places at every
step as its pattern can have, of which those that are not there yet are masked.
"""

import torch
from torch import Tensor
from torch.nn import functional

from lass.models.pretrained.jukebox_cache import BEFORE, BLOCK, COLUMN, store_sizes


class SparseAncestry:
    """Keys and values of R = `rows` sequences of up to S = `positions` positions, by pattern."""

    def __init__(self, *, layers: int, rows: int, positions: int, block: int, like: Tensor) -> None:
        """Numbers are of the type and on the device of `like` [..., A], A channels of a key."""
        self.width, self.positions, self.block = like.shape[-1], positions, block
        sizes = store_sizes(layers=layers, positions=positions, block=block, width=self.width)
        self.slots = [torch.Size(each[2:-1]).numel() for each in sizes]  # of a sequence, by pattern
        self.stores = [
            like.new_zeros(number, rows * slots, 2 * self.width)
            for (number, *_), slots in zip(sizes, self.slots, strict=True)
        ]  # [layers, R * slots, keys and values]
        self.identity = torch.arange(rows, device=like.device)
        self.ancestors = self.identity[:, None].repeat(1, positions)  # [R, S]: the row of each position
        self.parents = self.identity.clone()  # [R]: the rows that the next step continues
        self.position = torch.full((1,), -1, device=like.device)  # the newest
        self.span = torch.arange(min(block, positions), device=like.device)  # places of a block
        self.blocks = torch.arange(-(-positions // block), device=like.device)
        self.writes: list[Tensor] = []  # by pattern [R]: where the newest position's go
        self.reads: list[Tensor] = []  # by pattern [R * t]: where the past that is read lies
        self.known: list[Tensor] = []  # by pattern [1, 1, 1, t]: whether it is there

    def advance(self) -> None:
        """Follow the parents, and make the next position the newest; find where its layers read and write."""
        self.ancestors.copy_(self.ancestors.index_select(0, self.parents))
        self.position += 1
        self.ancestors.index_copy_(1, self.position, self.identity[:, None])
        block, place = self.position // self.block, self.position % self.block  # [1]
        before = (block - 1).clamp_min(0)
        seen = [  # by pattern: positions that are read [t], their slots, and which are known
            (block * self.block + self.span, self.span, self.span <= place),
            (self.blocks * self.block + place, self.slot(COLUMN, self.blocks, place), self.blocks <= block),
            (before * self.block + self.span, self.slot(BEFORE, before, self.span), self.span >= 0),
        ]
        self.reads, self.writes, self.known = [], [], []
        for pattern, (positions, slots, known) in enumerate(seen):
            rows = self.ancestors.index_select(1, positions.clamp_max(self.positions - 1))  # [R, t]
            self.reads.append((rows * self.slots[pattern] + slots).flatten())
            self.writes.append(self.identity * self.slots[pattern] + self.slot(pattern, block, place))
            self.known.append(known[None, None, None])

    def slot(self, pattern: int, block: Tensor, place: Tensor) -> Tensor:
        """Where a position lies among those of its sequence."""
        if pattern == BLOCK:
            return place
        if pattern == COLUMN:
            return place * len(self.blocks) + block
        return block % 2 * len(self.span) + place

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What the newest position [R, A] of every sequence reads in this layer, itself included: [R, A]."""
        index, pattern = divmod(layer, 3)
        if not len(self.stores[pattern]):  # the block before, where there is but one
            return torch.zeros_like(queries)
        store = self.stores[pattern][index]  # [R * slots, 2 * A]
        store.index_copy_(0, self.writes[pattern], torch.cat([keys, values], dim=1))
        past = store.index_select(0, self.reads[pattern]).view(len(queries), 1, -1, 2 * self.width)
        read: Tensor = functional.scaled_dot_product_attention(
            queries[:, None, None],
            past[..., : self.width],
            past[..., self.width :],
            attn_mask=self.known[pattern],
        )[:, 0, 0]
        return read * (self.position >= self.block) if pattern == BEFORE else read
