"""Steps of a prior on a GPU that are recorded once, whatever its cache is made of."""

from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from lass.compute.graphs import Replayed


class AncestralCache(Protocol):
    """A past in which nothing moves: a step follows the parents, and never waits for the GPU."""

    parents: Tensor  # [R] int64: the rows that the next step continues
    identity: Tensor  # [R]: every row itself

    @property
    def positions(self) -> int:
        """S: the longest sequence."""


Cache = TypeVar("Cache", bound=AncestralCache)


class RecordedSteps(Generic[Cache]):
    """The state of a prior on a GPU: a cache, and its next step as a recording."""

    def __init__(self, cache: Cache, step: Callable[[Tensor, Cache], Tensor]) -> None:
        """`step` takes the codes chosen last [R] and the cache to log-probabilities [R, K]."""
        self.cache = cache
        self.tokens = torch.zeros_like(cache.parents)
        self.step = Replayed(partial(step, self.tokens, cache))
        self.length = 0
        self.moved = False

    @property
    def used(self) -> int:
        """R: rows that hold a sequence."""
        return len(self.cache.identity)

    def reorder(self, rows: Tensor) -> None:
        """Let sequence b continue what was row `rows[b]` [R] from the next step on."""
        if len(rows) != self.used:
            raise ValueError(f"{len(rows)} sequences continue {self.used}: on a GPU their number stays")
        self.cache.parents.copy_(rows)
        self.moved = True

    def advance(self) -> None:
        """Count one more position; where nothing was reordered, sequences go on as they are."""
        if self.length == self.cache.positions:
            raise ValueError(f"{self.length} tokens are all that this cache was made for: start a longer one")
        if not self.moved:
            self.cache.parents.copy_(self.cache.identity)
        self.length += 1
        self.moved = False

    def next(self, tokens: Tensor) -> Tensor:
        """Log-probabilities [R, K] after `tokens` [R]; the next call overwrites them."""
        self.tokens.copy_(tokens)
        return self.step()
