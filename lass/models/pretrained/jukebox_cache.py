"""Keys and values of Jukebox's prior: what each of its patterns still reads, and nothing else.

Of positions in blocks of b: a layer of the first pattern reads the block so far, one of the second the same
place of every block, one of the third the whole block before.
"""

import torch
from torch import Tensor
from torch.nn import functional

from lass.compute.rows import padded
from lass.models.attention.cache import move_rows

BLOCK, COLUMN, BEFORE = range(3)
"""Pattern of layer l: l mod 3."""


class SparseCache:
    """Keys and values of sequences of up to `positions` positions, one row per sequence."""

    def __init__(self, *, layers: int, rows: int, positions: int, block: int, like: Tensor) -> None:
        """Room for `rows` sequences, padded.

        Numbers are of the type and on the device of `like` [..., A], A channels of a key.
        """
        self.sizes = store_sizes(layers=layers, positions=positions, block=block, width=like.shape[-1])
        self.stores = [like.new_zeros(first, padded(rows), *rest) for first, *rest in self.sizes]
        self.positions = positions
        self.block = block
        self.used = rows  # rows that hold a sequence; the others are padding
        self.length = 0

    @property
    def place(self) -> tuple[int, int]:
        """The newest position: its block, and its place there."""
        return divmod(self.length - 1, self.block)

    def advance(self) -> None:
        """Make room for one more position."""
        if self.length == self.positions:
            raise ValueError(f"{self.length} tokens are all that this cache was made for: start a longer one")
        self.length += 1

    def reorder(self, rows: Tensor) -> None:
        """Let sequence b continue what was row `rows[b]`; there are len(rows) of them from now on.

        Only rows that change are copied. Room that does not suffice grows by half at least.
        """
        self.used = len(rows)
        room, needed = self.stores[0].shape[1], padded(self.used)
        if needed > room:
            more = max(needed, room + room // 2) - room
            self.stores = [torch.cat([each, each.new_zeros(len(each), more, *each.shape[2:])], dim=1)
                           for each in self.stores]  # fmt: skip
        here = torch.arange(len(rows), device=rows.device)
        if rows.is_cuda:  # which of them change is not asked: the GPU would be waited for
            for layer in (layer for store in self.stores for layer in store):
                layer[: len(rows)] = layer[rows]
            return
        moved = (rows != here).nonzero()[:, 0]
        for store in self.stores if len(moved) else ():
            move_rows(store, rows[moved], moved)

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What the newest position [B, A] of every row reads in this layer, itself included: [B, A]."""
        block, place = self.place
        index, pattern = divmod(layer, 3)
        if not self.sizes[pattern][0]:  # the block before, where there is but one
            return torch.zeros_like(queries)
        store = self.stores[pattern][index, : len(queries)]  # [B, 2, ...]
        new = torch.stack([keys, values], dim=1)  # [B, 2, A]
        if pattern == BLOCK:
            store[:, :, place] = new
            return read_from(queries, store[:, :, : place + 1])
        if pattern == COLUMN:
            store[:, :, place, block] = new
            return read_from(queries, store[:, :, place, : block + 1])
        store[:, :, block % 2, place] = new
        return torch.zeros_like(queries) if block == 0 else read_from(queries, store[:, :, (block - 1) % 2])


def store_sizes(*, layers: int, positions: int, block: int, width: int) -> list[tuple[int, ...]]:
    """Of each pattern the numbers of a sequence: layers, then 2 (keys and values), ..., A."""
    blocks, span = -(-positions // block), min(block, positions)
    number = [len(range(pattern, layers, 3)) for pattern in (BLOCK, COLUMN, BEFORE)]
    return [
        (number[BLOCK], 2, span, width),
        (number[COLUMN], 2, span, blocks, width),
        (number[BEFORE] if blocks > 1 else 0, 2, 2, span, width),
    ]


def read_from(queries: Tensor, past: Tensor) -> Tensor:
    """Attention of queries [B, A] to keys and values [B, 2, t, A]."""
    read: Tensor = functional.scaled_dot_product_attention(queries[:, None], past[:, 0], past[:, 1])
    return read[:, 0]
