"""The likelihoods that a separation may go by: what each finds to search in mixtures, and what it holds.

By the table of counts, all sources are searched together at the mixture's codes. By frames the mixture's own
data take the place of its codes, and no table is asked. By a network every source is searched by itself: it
needs no table, and where the priors have no weight no prior either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.budget import Sizes
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.support import CountedPositions, FramePositions, LearnedPositions, Positions
from lass.separation.decoding.weighted import FrequencyPrior, WeightedPrior


@dataclass(frozen=True)
class Search:
    """What a decoder searches at once: all sources of B mixtures, or one of them."""

    likelihood: Positions
    priors: Sequence[Prior]  # of these sources
    heard: Tensor | None = None  # added to the log-probabilities of every source's codes [B, N, S, K]


@dataclass(frozen=True)
class Searches:
    """Of B mixtures."""

    parts: list[Search]  # one of all sources together, or one per source
    uncounted: Tensor  # [B] int64: positions whose mixture code was never counted


class MixtureLikelihood(Protocol):
    """The likelihood of mixtures as `Separator` asks for it."""

    @property
    def sizes(self) -> Sizes:
        """What decoding by it holds."""

    def weigh(self, priors: Sequence[Prior]) -> list[Prior]:
        """The priors of the N sources with the weight that they have beside it."""

    def searches(self, mixtures: Tensor, priors: Sequence[Prior]) -> Searches:
        """What to search in the mixtures y [B, T] by priors from `weigh`."""


@dataclass(frozen=True)
class ByCounts:
    """The table p(m | z_1..z_N), as in the paper; a network may have a weight beside it."""

    likelihood: Likelihood
    fallback: Tensor  # [K] int64: the counted code that stands for each mixture code
    encode: Callable[[Tensor], Tensor]  # waveforms [R, T] to codes [R, S]
    network: Callable[[Tensor], Tensor] | None = None  # mixtures [B, T] to log p(y | z_n) [B, N, S, K]
    network_weight: float = 0.0  # lambda of the network

    @cached_property
    def sizes(self) -> Sizes:
        """As of `MixtureLikelihood`."""
        return sizes_of(self.likelihood, heard=self.network is not None)

    def weigh(self, priors: Sequence[Prior]) -> list[Prior]:
        """As of `MixtureLikelihood`."""
        return list(priors)

    def searches(self, mixtures: Tensor, priors: Sequence[Prior]) -> Searches:
        """As of `MixtureLikelihood`; mixture codes that were never counted are replaced."""
        codes = torch.cat([self.encode(mixture[None]) for mixture in mixtures])  # [B, S]
        counted = self.fallback[codes]
        heard = None if self.network is None else self.network_weight * hear(self.network, mixtures)
        search = Search(CountedPositions(self.likelihood, counted), priors, heard)
        return Searches([search], (counted != codes).sum(dim=1))


@dataclass(frozen=True)
class ByFrames:
    """The likelihood of the mixture's own frames, of two sources."""

    log_likelihood: Callable[[Tensor], Tensor]  # mixtures [B, T] to log p(y_s | z_1, z_2) [B, S, K, K]
    codes: int  # K

    @property
    def sizes(self) -> Sizes:
        """As of `MixtureLikelihood`."""
        return Sizes(codes=self.codes, together=2, longest=self.codes**2, every_pair=True)

    def weigh(self, priors: Sequence[Prior]) -> list[Prior]:
        """As of `MixtureLikelihood`."""
        return list(priors)

    def searches(self, mixtures: Tensor, priors: Sequence[Prior]) -> Searches:
        """As of `MixtureLikelihood`."""
        return Searches([Search(FramePositions(self.log_likelihood(mixtures)), priors)], none_of(mixtures))


@dataclass(frozen=True)
class ByNetwork:
    """The learned likelihood alone: every source is searched by itself."""

    network: Callable[[Tensor], Tensor]  # mixtures [B, T] to log p(y | z_n) [B, N, S, K]
    frequencies: Tensor  # log p_0(z_n) [N, K], beside which the priors have `prior_weight`
    prior_weight: float = 1.0  # beta

    @property
    def sizes(self) -> Sizes:
        """As of `MixtureLikelihood`."""
        sources, codes = self.frequencies.shape
        return Sizes(codes=codes, together=1, longest=codes, heard=sources)

    def weigh(self, priors: Sequence[Prior]) -> list[Prior]:
        """As of `MixtureLikelihood`; without weight no prior is asked, and there need be none.

        ValueError where there are fewer or more priors than sources.
        """
        if self.prior_weight == 0:
            return [FrequencyPrior(own) for own in self.frequencies]
        if len(priors) != len(self.frequencies):
            raise ValueError(f"{len(priors)} priors for {len(self.frequencies)} sources: give one per source")
        if self.prior_weight == 1:
            return list(priors)
        both = zip(priors, self.frequencies, strict=True)
        return [WeightedPrior(prior, self.prior_weight, own) for prior, own in both]

    def searches(self, mixtures: Tensor, priors: Sequence[Prior]) -> Searches:
        """As of `MixtureLikelihood`."""
        heard = hear(self.network, mixtures)
        parts = [Search(LearnedPositions(heard[:, n]), [prior]) for n, prior in enumerate(priors)]
        return Searches(parts, none_of(mixtures))


def sizes_of(likelihood: Likelihood, *, heard: bool = False) -> Sizes:
    """What decoding by a table of counts holds; `heard`: beside a network."""
    return Sizes(
        codes=likelihood.codebook_size,
        together=likelihood.sources,
        longest=int(likelihood.offsets.diff().max()),
        heard=likelihood.sources if heard else 0,
        weighed=len(likelihood.log_likelihood),
    )


def hear(network: Callable[[Tensor], Tensor], mixtures: Tensor) -> Tensor:
    """What the network says of the mixtures [B, N, S, K], one at a time: no bytes depend on the others."""
    return torch.cat([network(mixture[None]) for mixture in mixtures])


def none_of(mixtures: Tensor) -> Tensor:
    """0 for each of the mixtures [B]."""
    return torch.zeros(len(mixtures), dtype=torch.int64, device=mixtures.device)
