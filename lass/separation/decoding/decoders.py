"""The decoders: how W hypotheses go on at a position (step 5 of the method; paper, section 4.2).

greedy, beam       compete: the W best continuations of all (`beam.py`)
ancestral, top-k   are drawn, each on its own (`sampling.py`)
particle           are drawn, then resampled by how probable each has turned out (`particles.py`)
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, assert_never

import torch
from torch import Tensor

from lass.separation.decoding.beam import best_continuations
from lass.separation.decoding.particles import resample
from lass.separation.decoding.sampling import draw_tuples
from lass.separation.decoding.state import Hypotheses, Step
from lass.separation.decoding.support import Positions, Support
from lass.separation.settings import Ancestral, Beam, DecoderSettings, Greedy, Particle, TopK

if TYPE_CHECKING:
    from lass.separation.decoding.kernels import Beams


class Decoder(Protocol):
    """What the loop over positions asks of a decoder."""

    @property
    def hypotheses(self) -> int:
        """W, of every mixture."""

    @property
    def draws(self) -> int:
        """Uniform numbers that a position of one mixture takes; 0 where nothing is drawn."""

    @property
    def related(self) -> bool:
        """Whether hypotheses of a mixture descend from one another."""

    def split(self, passes: int) -> "Decoder | None":
        """What decodes the hypotheses of one of so many passes, by the numbers that `deal` gives it.

        None where hypotheses hang together, or there are not equally many for each pass.
        """

    def deal(self, uniforms: Tensor, passes: int) -> list[Tensor]:
        """The numbers [B, S, draws] that decide all draws, dealt out to the passes."""

    def start(self, likelihood: Positions) -> Hypotheses:
        """The W hypotheses of every mixture before the first position."""

    def beams(self, likelihood: Positions) -> "Beams | None":
        """The whole search by kernels, where there is one; None: go position by position."""

    def advance(self, state: Hypotheses, log_probs: list[Tensor], support: Support, uniforms: Tensor) -> Step:
        """How the hypotheses go on.

        Args:
            state: the hypotheses so far; left as they are.
            log_probs: `log p_n(z_n | past)` of every source [B, W, K].
            support: the likelihood of this position.
            uniforms: numbers in [0, 1) [B, draws] that decide every draw.
        """


def open_decoder(settings: DecoderSettings) -> Decoder:
    """The decoder that `settings` describe."""
    weight = settings.likelihood_weight
    match settings:
        case Greedy() | Beam():
            return SearchDecoder(settings.hypotheses, weight)
        case Ancestral():
            return sampling_decoder(settings)
        case TopK():
            return replace(sampling_decoder(settings), top_k=settings.top_k)
        case Particle():
            return ParticleDecoder(sampling_decoder(settings), settings.resampling, settings.islands)
    assert_never(settings)


def sampling_decoder(settings: Ancestral | TopK | Particle) -> "SamplingDecoder":
    """What draws a position by these settings."""
    return SamplingDecoder(
        settings.hypotheses, settings.likelihood_weight, settings.temperature, settings.stratified
    )


@dataclass(frozen=True)
class SearchDecoder:
    """Greedy (W = 1) and beam search: the W best continuations of all hypotheses."""

    hypotheses: int  # W
    likelihood_weight: float  # lambda
    draws: int = 0
    related: bool = True

    def split(self, passes: int) -> "SearchDecoder | None":
        """As of `Decoder`: hypotheses compete."""
        return self if passes == 1 else None

    def deal(self, uniforms: Tensor, passes: int) -> list[Tensor]:
        """As of `Decoder`: nothing is drawn."""
        return [uniforms] * passes

    def start(self, likelihood: Positions) -> Hypotheses:
        """As of `Decoder`: there is one empty prefix, and no other."""
        state = start_empty(likelihood, self.hypotheses)
        state.scores[:, 1:] = -torch.inf
        return state

    def beams(self, likelihood: Positions) -> "Beams | None":
        """As of `Decoder`."""
        return likelihood.beams(width=self.hypotheses, likelihood_weight=self.likelihood_weight)

    def advance(
        self,
        state: Hypotheses,
        log_probs: list[Tensor],
        support: Support,
        uniforms: Tensor,  # noqa: ARG002 (of the protocol)
    ) -> Step:
        """As of `Decoder`; scores are compared in float32, relative to the best of their mixture."""
        peak = state.scores.amax(dim=1, keepdim=True)
        peak = peak.clamp_min(torch.finfo(peak.dtype).min)  # finite where no hypothesis is left
        prefixes = (state.scores - peak).float()[..., None]  # [B, W, 1]
        ranked = [prefixes + log_probs[0], *log_probs[1:]]
        best = best_continuations(ranked, support.slices(), likelihood_weight=self.likelihood_weight)
        return replace(best, scores=best.scores.double() + peak)


@dataclass(frozen=True)
class SamplingDecoder:
    """Ancestral and top-k sampling: every hypothesis draws its own tuple."""

    hypotheses: int  # W
    likelihood_weight: float  # lambda
    temperature: float  # the posterior is raised to its inverse
    stratified: bool = False  # whether the hypotheses share out the numbers that decide
    top_k: int | None = None  # tuples to draw from; None for all
    related: bool = False

    @property
    def draws(self) -> int:
        """As of `Decoder`: one number per hypothesis, and one more for its place among the others."""
        return 2 * self.hypotheses if self.stratified else self.hypotheses

    def split(self, passes: int) -> "SamplingDecoder | None":
        """As of `Decoder`; its numbers are spread already."""
        if self.hypotheses % passes:
            return None
        return replace(self, hypotheses=self.hypotheses // passes, stratified=False)

    def deal(self, uniforms: Tensor, passes: int) -> list[Tensor]:
        """As of `Decoder`."""
        return list(self.spread(uniforms).chunk(passes, dim=-1))

    def spread(self, uniforms: Tensor) -> Tensor:
        """The numbers [..., W] that decide, of numbers in [0, 1) [..., draws].

        Stratified, each hypothesis has a W-th of [0, 1) to itself, which one is random: a Latin hypercube.
        """
        if not self.stratified:
            return uniforms
        inside, places = uniforms.split(self.hypotheses, dim=-1)
        spread: Tensor = (places.argsort(dim=-1) + inside) / self.hypotheses
        return spread

    def start(self, likelihood: Positions) -> Hypotheses:
        """As of `Decoder`."""
        return start_empty(likelihood, self.hypotheses)

    def beams(self, likelihood: Positions) -> "Beams | None":  # noqa: ARG002 (of the protocol)
        """As of `Decoder`: there are no beams."""
        return None

    def advance(self, state: Hypotheses, log_probs: list[Tensor], support: Support, uniforms: Tensor) -> Step:
        """As of `Decoder`."""
        drawn = self.draw(log_probs, support, uniforms)
        return Step(drawn.codes, state.scores + drawn.scores)

    def draw(self, log_probs: list[Tensor], support: Support, uniforms: Tensor) -> Step:
        """One tuple per hypothesis, with the scores and weights of this position alone."""
        return draw_tuples(
            log_probs,
            support,
            self.spread(uniforms),
            likelihood_weight=self.likelihood_weight,
            temperature=self.temperature,
            top_k=self.top_k,
        )


@dataclass(frozen=True)
class ParticleDecoder:
    """Particle filters: as ancestral, and hypotheses of little weight give their places to others.

    Each of the islands is a filter of its own, of as many hypotheses as every other.
    """

    ancestral: SamplingDecoder
    resampling: float  # share of an island below which the effective number makes it resample
    islands: int = 1
    related: bool = True

    @property
    def hypotheses(self) -> int:
        """As of `Decoder`."""
        return self.ancestral.hypotheses

    @property
    def draws(self) -> int:
        """As of `Decoder`: those of the draws, and one per island to resample it."""
        return self.ancestral.draws + self.islands

    def split(self, passes: int) -> "ParticleDecoder | None":
        """As of `Decoder`: islands are apart from one another."""
        ancestral = None if self.islands % passes else self.ancestral.split(passes)
        if ancestral is None:
            return None
        return replace(self, ancestral=ancestral, islands=self.islands // passes)

    def deal(self, uniforms: Tensor, passes: int) -> list[Tensor]:
        """As of `Decoder`."""
        drawing, resampling = uniforms.split([self.ancestral.draws, self.islands], dim=-1)
        dealt = zip(self.ancestral.deal(drawing, passes), resampling.chunk(passes, dim=-1), strict=True)
        return [torch.cat(own, dim=-1) for own in dealt]

    def start(self, likelihood: Positions) -> Hypotheses:
        """As of `Decoder`."""
        return self.ancestral.start(likelihood)

    def beams(self, likelihood: Positions) -> "Beams | None":
        """As of `Decoder`."""
        return self.ancestral.beams(likelihood)

    def advance(self, state: Hypotheses, log_probs: list[Tensor], support: Support, uniforms: Tensor) -> Step:
        """As of `Decoder`; where an island is resampled, its rows append what their parents drew."""
        drawn = self.ancestral.draw(log_probs, support, uniforms[:, : self.ancestral.draws])
        scores = state.scores + drawn.scores
        assert drawn.log_weights is not None, "of everything that is drawn"
        parts = (len(scores), self.islands)
        weights = (state.log_weights + drawn.log_weights).unflatten(1, (self.islands, -1))  # [B, G, W / G]
        numbers = uniforms[:, self.ancestral.draws :].flatten()  # [B G]
        weighed = resample(weights.flatten(0, 1), numbers, threshold=self.resampling)
        log_weights = weighed.log_weights.unflatten(0, parts).flatten(1)
        if not weighed.moved.any():
            return Step(drawn.codes, scores, log_weights=log_weights)
        first = torch.arange(0, self.hypotheses, weights.shape[2], device=scores.device)  # of every island
        parents = (weighed.parents.unflatten(0, parts) + first[:, None]).flatten(1)
        return Step(
            codes=drawn.codes.gather(1, parents[..., None].expand_as(drawn.codes)),
            scores=scores.gather(1, parents),
            parents=parents,
            log_weights=log_weights,
        )


def start_empty(likelihood: Positions, width: int) -> Hypotheses:
    """W = `width` empty hypotheses of every mixture, all alike."""
    shape = (likelihood.batch, width, likelihood.length, likelihood.sources)
    return Hypotheses.empty(shape, likelihood.device)
