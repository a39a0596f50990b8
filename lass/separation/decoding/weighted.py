"""Priors of less weight: what they say, mixed with how frequent a code is at all.

A prior that was trained on other music is sure of what does not come. The weight beta makes it
`p(z_s | z_<s)^beta p_0(z_s)^(1 - beta)`, normalised, where p_0 are the frequencies of the codes: 1 is the
prior itself, and 0 asks no prior at all.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lass.separation.decoding.prior import Prior


@dataclass(eq=False)
class WeightedPrior:
    """A prior that counts `weight` (beta, between 0 and 1) of itself, the rest being frequencies."""

    prior: Prior
    weight: float  # beta
    frequencies: Tensor  # log p_0 [K]
    codebook_size: int = field(init=False)

    def __post_init__(self) -> None:
        """Speak of the codes that the prior speaks of."""
        self.codebook_size = self.prior.codebook_size

    def start(self, batch: int, length: int, *, shared: int = 1) -> Any:
        """As of `Prior`."""
        return self.prior.start(batch, length, shared=shared)

    def bytes_per_sequence(self, length: int) -> int:
        """As of `Prior`."""
        return self.prior.bytes_per_sequence(length) + 8 * self.codebook_size

    def log_probs(self, previous: Tensor | None, state: Any) -> Tensor:
        """As of `Prior`."""
        told = self.prior.log_probs(previous, state)
        return (self.weight * told + (1 - self.weight) * self.frequencies).log_softmax(dim=-1)

    def reorder(self, state: Any, rows: Tensor) -> None:
        """As of `Prior`."""
        self.prior.reorder(state, rows)


@dataclass
class Rows:
    """How many sequences there are: all that frequencies have to know of them."""

    number: int


@dataclass(eq=False)
class FrequencyPrior:
    """How frequent each code is, whatever came before."""

    frequencies: Tensor  # log p_0 [K]
    codebook_size: int = field(init=False)

    def __post_init__(self) -> None:
        """Speak of the codes that have a frequency."""
        self.codebook_size = len(self.frequencies)

    def start(self, batch: int, length: int, *, shared: int = 1) -> Rows:  # noqa: ARG002
        """As of `Prior`."""
        return Rows(batch)

    def bytes_per_sequence(self, length: int) -> int:  # noqa: ARG002
        """As of `Prior`."""
        return 4 * self.codebook_size

    def log_probs(self, previous: Tensor | None, state: Rows) -> Tensor:  # noqa: ARG002
        """As of `Prior`."""
        return self.frequencies.expand(state.number, -1)

    def reorder(self, state: Rows, rows: Tensor) -> None:
        """As of `Prior`."""
        state.number = len(rows)
