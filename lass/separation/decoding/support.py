"""The likelihood as decoding sees it: of B mixtures, position by position, on the tuples that it allows.

Three kinds answer alike. The table of counts knows a position by its mixture code m, and allows the tuples
that were counted with it: ragged slices. The likelihood of frames knows a position by the mixture's own
samples, and gives a number to every pair of codes: dense tables. The learned likelihood hears the whole
mixture, and gives a number to every code of every source: as it factorises, each source is searched alone.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood, RaggedSlices
from lass.separation.decoding.factored import DensePairs, Pairs, SparsePairs, ragged_pairs, raised
from lass.separation.decoding.kernel_search import open_beams

if TYPE_CHECKING:
    from lass.separation.decoding.kernels import Beams


class Support(Protocol):
    """Log-likelihood of one position given the tuples that it allows, for each of B mixtures."""

    def slices(self) -> RaggedSlices:
        """The tuples that are possible, mixture after mixture, ascending, and their log-likelihoods."""

    def pairs(self, power: float) -> Pairs:
        """Of two sources: `power` times the log-likelihood, as sums over all pairs want it."""


class Positions(Protocol):
    """The likelihood of S positions of B mixtures."""

    batch: int  # B
    length: int  # S
    sources: int  # N
    codebook_size: int  # K
    device: torch.device

    def at(self, position: int) -> Support:
        """The support of `position` in [0, S)."""

    def beams(self, *, width: int, likelihood_weight: float) -> "Beams | None":
        """What searches W = `width` beams by kernels; None where kernels do not suit."""


@dataclass(frozen=True)
class CountedSupport:
    """From the table: the slices of B mixture codes."""

    counted: RaggedSlices
    codebook_size: int

    def slices(self) -> RaggedSlices:
        """As of `Support`."""
        return self.counted

    def pairs(self, power: float) -> Pairs:
        """As of `Support`."""
        powers = raised(self.counted.log_likelihood, power)
        return SparsePairs(replace(self.counted, log_likelihood=powers), self.codebook_size)


@dataclass(frozen=True)
class FrameSupport:
    """From the mixtures' frames: log p(y_s | z_1, z_2) of all pairs."""

    log_likelihood: Tensor  # [B, K, K]; -inf for impossible pairs

    def slices(self) -> RaggedSlices:
        """As of `Support`."""
        return ragged_pairs(self.log_likelihood)

    def pairs(self, power: float) -> Pairs:
        """As of `Support`."""
        return DensePairs(raised(self.log_likelihood, power))


@dataclass(frozen=True)
class LearnedSupport:
    """From a network: log p(y | z_n) of all codes of one source."""

    log_likelihood: Tensor  # [B, K]

    def slices(self) -> RaggedSlices:
        """As of `Support`."""
        batch, size = self.log_likelihood.shape
        device = self.log_likelihood.device
        return RaggedSlices(
            tuples=torch.arange(size, device=device).repeat(batch)[:, None],
            log_likelihood=self.log_likelihood.flatten(),
            offsets=torch.arange(batch + 1, device=device) * size,
        )

    def pairs(self, power: float) -> Pairs:  # noqa: ARG002 (of the protocol)
        """As of `Support`: there is one source, and so no pair."""
        raise ValueError("a learned likelihood is that of one source: it knows no pairs")


class CountedPositions:
    """The table p(m | z_1..z_N) at the codes of B mixtures."""

    def __init__(self, likelihood: Likelihood, mixture: Tensor) -> None:
        """Take mixture codes m [B, S] int64, all of them counted (`lass.likelihood.tensor.nearest_counted`).

        Raises ValueError for another shape or type, for codes outside of [0, K), and where one was never
        counted.
        """
        size = likelihood.codebook_size
        if mixture.dim() != 2 or mixture.numel() == 0:
            raise ValueError(
                f"mixture codes of shape {tuple(mixture.shape)}: [B, S] with B, S >= 1 is needed"
            )
        if mixture.dtype != torch.int64 or mixture.min() < 0 or mixture.max() >= size:
            raise ValueError(
                f"mixture codes are {mixture.dtype} from {mixture.min()} to {mixture.max()}: int64 codes in "
                f"[0, {size}) are needed"
            )
        empty = (likelihood.offsets.diff() == 0)[mixture]
        if empty.any():
            raise ValueError(
                f"mixture code {int(mixture[empty][0])} was never counted: map codes by nearest_counted first"
            )
        self.likelihood, self.mixture = likelihood, mixture
        self.batch, self.length = mixture.shape
        self.sources, self.codebook_size, self.device = likelihood.sources, size, mixture.device

    def at(self, position: int) -> Support:
        """As of `Positions`."""
        return CountedSupport(self.likelihood.slices(self.mixture[:, position]), self.codebook_size)

    def beams(self, *, width: int, likelihood_weight: float) -> "Beams | None":
        """As of `Positions`."""
        return open_beams(self.likelihood, self.mixture, width=width, likelihood_weight=likelihood_weight)


class FramePositions:
    """The likelihood of the frames of B mixtures of two sources."""

    sources = 2

    def __init__(self, log_likelihood: Tensor) -> None:
        """Take log p(y_s | z_1, z_2) [B, S, K, K] (`lass.likelihood.frames`); -inf for impossible pairs.

        Raises ValueError for another shape.
        """
        shape = tuple(log_likelihood.shape)
        if len(shape) != 4 or shape[2] != shape[3] or 0 in shape:
            raise ValueError(
                f"log-likelihood of frames of shape {shape}: [B, S, K, K] with B, S, K >= 1 is needed"
            )
        self.log_likelihood = log_likelihood
        self.batch, self.length, self.codebook_size = shape[:3]
        self.device = log_likelihood.device

    def at(self, position: int) -> Support:
        """As of `Positions`."""
        return FrameSupport(self.log_likelihood[:, position])

    def beams(self, *, width: int, likelihood_weight: float) -> "Beams | None":  # noqa: ARG002 (of the protocol)
        """As of `Positions`: the kernels are for tables of counts."""
        return None


class LearnedPositions:
    """The learned likelihood of one source in B mixtures."""

    sources = 1

    def __init__(self, log_likelihood: Tensor) -> None:
        """Take log p(y | z_n) [B, S, K], up to a constant of a position.

        Raises ValueError for another shape.
        """
        if log_likelihood.dim() != 3 or 0 in log_likelihood.shape:
            raise ValueError(
                f"learned log-likelihood of shape {tuple(log_likelihood.shape)}: [B, S, K] with B, S, K >= 1 "
                "is needed"
            )
        self.log_likelihood = log_likelihood
        self.batch, self.length, self.codebook_size = log_likelihood.shape
        self.device = log_likelihood.device

    def at(self, position: int) -> Support:
        """As of `Positions`."""
        return LearnedSupport(self.log_likelihood[:, position])

    def beams(self, *, width: int, likelihood_weight: float) -> "Beams | None":  # noqa: ARG002 (of the protocol)
        """As of `Positions`: the kernels are for tables of counts."""
        return None
