"""From mixtures to hypotheses of the sources' codes: encode, decode (steps 1, 4, 5 of the method)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.budget import plan_decoding
from lass.separation.decoding.decoders import Decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.state import Hypotheses, join_parts, joined
from lass.separation.decoding.support import CountedPositions, FramePositions, LearnedPositions, Positions
from lass.separation.decoding.weighted import weigh_prior
from lass.separation.settings import LikelihoodKind

logger = logging.getLogger("lass")


@dataclass(frozen=True)
class Decoded:
    """Hypotheses for a batch of mixtures."""

    codes: Tensor  # [B, W, S, N] int64
    scores: Tensor  # [B, W] float64: log posterior up to a constant per mixture; -inf: no such hypothesis
    uncounted: Tensor  # [B] int64: positions whose mixture code was never counted


@dataclass(frozen=True)
class Separator:
    """Everything that a separation needs; networks enter as functions and as `Prior` objects."""

    encode: Callable[[Tensor], Tensor]  # waveforms [R, T] to codes [R, S]
    decode: Callable[[Tensor], Tensor]  # codes [R, S] to waveforms [R, T]
    priors: Sequence[Prior]  # N, in the order of the sources
    likelihood: Likelihood  # of counts
    fallback: Tensor  # [K] int64: the counted code that stands for each mixture code
    weights: Tensor  # alpha [N]
    decoder: Decoder
    seed: int
    memory: int = 4 * 2**30  # bytes that decoding may take beside the priors and the likelihood
    frames: Callable[[Tensor], Tensor] | None = None  # mixtures [B, T] to log p(y_s | z_1, z_2) [B, S, K, K]
    network: Callable[[Tensor], Tensor] | None = None  # mixtures [B, T] to log p(y | z_n) [B, N, S, K]
    network_weight: float = 0.0  # lambda of the network beside the table; 0: it takes the table's place
    frequencies: Tensor | None = None  # log p_0(z_n) [N, K], beside which the priors have `prior_weight`
    prior_weight: float = 1.0  # beta

    def hypotheses(self, mixtures: Tensor, items: Sequence[int]) -> Decoded:
        """W hypotheses for each mixture y [B, T]; mixture codes that were never counted are replaced.

        As many mixtures are decoded at once as `memory` allows. Where not even one fits, its hypotheses are
        decoded in several passes, which the log says; ValueError where they compete, or not one fits.
        Where `frames` is given, it takes the place of the table of counts; so does `network`, unless it has
        a weight beside it.
        """
        codes = torch.cat([self.encode(mixture[None]) for mixture in mixtures])  # [B, S]
        counted = self.fallback[codes]
        plan = plan_decoding(
            self.memory,
            priors=self.weighed,
            likelihood=self.likelihood,
            decoder=self.decoder,
            length=codes.shape[1],
            kind=self.kind,
            network=self.network is not None,
        )
        if plan.passes > 1:
            said = (self.decoder.hypotheses, plan.passes)
            logger.info("%d hypotheses of a mixture in %d passes: more memory would take fewer", *said)
        decoded = [
            self.decoded(
                mixtures[rows], counted[rows], [items[row] for row in rows.tolist()], passes=plan.passes
            )
            for rows in torch.arange(len(codes)).split(plan.mixtures)
        ]
        return Decoded(
            torch.cat([one.codes for one in decoded]),
            torch.cat([one.scores for one in decoded]),
            (counted != codes).sum(dim=1),
        )

    @property
    def kind(self) -> LikelihoodKind:
        """Which likelihood it is."""
        if self.frames is not None:
            return "frames"
        return "network" if self.network is not None and self.network_weight == 0 else "counts"

    def decoded(self, mixtures: Tensor, codes: Tensor, items: Sequence[int], *, passes: int) -> Hypotheses:
        """W hypotheses, pass by pass, for each of the mixtures y [B, T] with the counted codes m [B, S]."""
        heard = None
        if self.network is not None:
            heard = torch.cat([self.network(mixture[None]) for mixture in mixtures])  # [B, N, S, K]
        if heard is not None and self.kind == "network":
            uniforms = self.uniforms(items, codes.shape[1], len(self.priors)).to(codes.device)
            return joined(
                [
                    self.search(
                        LearnedPositions(heard[:, source]), [prior], uniforms[:, source], passes=passes
                    )
                    for source, prior in enumerate(self.weighed)
                ]
            )
        return self.search(
            self.positions(mixtures, codes),
            self.priors,
            self.uniforms(items, codes.shape[1])[:, 0].to(codes.device),
            passes=passes,
            heard=None if heard is None else self.network_weight * heard,
        )

    def search(
        self,
        likelihood: Positions,
        priors: Sequence[Prior],
        uniforms: Tensor,
        *,
        passes: int,
        heard: Tensor | None = None,
    ) -> Hypotheses:
        """Decode all W hypotheses in so many passes; the rest as of `decode_sequences`."""
        decoder = self.decoder.split(passes)
        assert decoder is not None, "of passes that were planned"
        return join_parts(
            [
                decode_sequences(likelihood, priors=priors, decoder=decoder, uniforms=numbers, heard=heard)
                for numbers in self.decoder.deal(uniforms, passes)
            ]
        )

    @property
    def weighed(self) -> list[Prior]:
        """The priors [N] with the weight that they have beside the frequencies, where there are any."""
        if self.frequencies is None:
            return list(self.priors)
        return [
            weigh_prior(prior, self.prior_weight, own)
            for prior, own in zip(self.priors, self.frequencies, strict=True)
        ]

    def positions(self, mixtures: Tensor, codes: Tensor) -> Positions:
        """The likelihood of mixtures y [B, T] with the counted codes m [B, S], position by position."""
        if self.frames is None:
            return CountedPositions(self.likelihood, codes)
        return FramePositions(self.frames(mixtures))

    def uniforms(self, items: Sequence[int], length: int, searches: int = 1) -> Tensor:
        """Numbers in [0, 1) [B, searches, S, draws], each mixture's drawn from (seed, item) alone."""
        shape = (searches, length, self.decoder.draws)
        return torch.from_numpy(
            np.stack([generator(self.seed, "decoding", item).random(shape) for item in items])
        )
