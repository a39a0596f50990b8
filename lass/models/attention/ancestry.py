"""Keys and values on a GPU: none ever moves, and every sequence knows which row holds each of its positions.

Hypotheses descend from one another. In place of copying a parent's keys and values its child takes over the
list of rows in which they lie; what several sequences have in common lies once, and is read once
(`lass.models.attention.kernels`). Nothing here waits for the GPU, so that a step can be recorded as a CUDA
graph.
"""

import math
from dataclasses import dataclass

import torch
import triton
from torch import Tensor

from lass.models.attention import kernels


@dataclass(frozen=True)
class CacheSizes:
    """What fixes the memory of a cache."""

    layers: int
    rows: int  # R sequences
    members: int  # how many neighbours of them share most of their past
    heads: int
    kv_heads: int
    positions: int  # S
    width: int  # D

    @property
    def together(self) -> int:
        """Neighbours whose common past is read once: as many as divide families, and all rows, evenly."""
        whole = math.gcd(self.members, self.rows)
        return max(number for number in range(1, kernels.TOGETHER + 1) if whole % number == 0)


class AncestryCache:
    """Keys and values of R sequences of up to S positions."""

    def __init__(self, sizes: CacheSizes, *, rotation: tuple[Tensor, Tensor], like: Tensor) -> None:
        """Numbers are of the type and on the device of `like`; `rotation`: cosine and sine [S, D / 2]."""
        self.sizes = sizes
        rows, positions = sizes.rows, sizes.positions
        shape = (sizes.layers, rows, sizes.kv_heads, positions, sizes.width)
        self.keys, self.values = like.new_empty(shape), like.new_empty(shape)  # [layers, R, kv_heads, S, D]
        self.rotation = tuple(part.float().contiguous() for part in rotation)
        self.identity = torch.arange(rows, device=like.device, dtype=torch.int32)
        self.ancestors = self.identity[:, None].repeat(1, positions)  # [R, S]: the row of each position
        self.parents = torch.arange(rows, device=like.device)  # [R]: the rows that the next step continues
        self.position = torch.full((1,), -1, device=like.device)  # the newest
        tiles = -(-positions // kernels.TILE)
        self.pieces = tuple(
            torch.empty(tiles, rows, sizes.heads, *width, device=like.device)
            for width in ((), (), (sizes.width,))
        )

    @property
    def positions(self) -> int:
        """S."""
        return self.sizes.positions

    @property
    def chunk(self) -> int:
        """Channels that a kernel reads at a time: a power of two, at least 16 for its products."""
        most = kernels.CHUNK // self.keys.element_size()
        return max(16, min(most, int(triton.next_power_of_2(self.sizes.width))))

    def advance(self) -> None:
        """Follow the parents, and make the next position the newest."""
        self.ancestors.copy_(self.ancestors[self.parents])
        self.position += 1
        self.ancestors.index_copy_(1, self.position, self.identity[:, None])

    def attend(self, layer: int, qkv: Tensor) -> Tensor:
        """What the newest position of every sequence reads from all, itself included [R, heads * D].

        `qkv` [R, (heads + 2 kv_heads) * D] are its queries, keys and values, not rotated yet.
        """
        sizes, rows = self.sizes, self.sizes.rows
        cache = (self.keys[layer], self.values[layer], self.ancestors, self.position)
        queries = qkv.new_empty(rows, sizes.heads, sizes.width)
        shape = (sizes.heads, sizes.kv_heads, sizes.width)
        kernels.rotate_and_store[(rows, sizes.heads + 2 * sizes.kv_heads)](
            qkv,
            self.rotation,
            cache,
            sizes.positions,
            queries,
            SIZES=(*shape, triton.next_power_of_2(sizes.width // 2)),
        )
        tiles, chunk = len(self.pieces[0]), self.chunk
        for apart in (False, True) if sizes.together > 1 else (False,):
            taken = 1 if apart else sizes.together
            lines = max(
                16,
                triton.next_power_of_2(taken * sizes.heads // sizes.kv_heads),
                triton.next_power_of_2(sizes.together),
            )
            kernels.attend_tiles[(rows // taken, sizes.kv_heads, tiles)](
                queries,
                cache,
                sizes.positions,
                sizes.width**-0.5,
                self.pieces,
                SIZES=(*shape, sizes.together, lines, kernels.TILE, chunk, apart),
            )
        attended = torch.empty_like(queries)
        kernels.join_tiles[(rows * sizes.heads, -(-sizes.width // chunk))](
            self.pieces,
            self.position,
            attended,
            SIZES=(sizes.width, triton.next_power_of_2(tiles), kernels.TILE, chunk),
        )
        return attended.flatten(1)
