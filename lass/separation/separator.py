"""From mixtures to hypotheses of the sources' codes (steps 1, 4, 5 of the method)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.separation.decoding.budget import plan_decoding
from lass.separation.decoding.decoders import Decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.state import Hypotheses, join_parts, joined
from lass.separation.likelihoods import MixtureLikelihood, Search

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

    decode: Callable[[Tensor], Tensor]  # codes [R, S] to waveforms [R, T]
    priors: Sequence[Prior]  # N, in the order of the sources; none where the likelihood asks for none
    likelihood: MixtureLikelihood
    weights: Tensor  # alpha [N]
    length: int  # S, tokens of a mixture
    decoder: Decoder
    seed: int
    memory: int = 4 * 2**30  # bytes that decoding may take beside the priors and the likelihood

    def hypotheses(self, mixtures: Tensor, items: Sequence[int]) -> Decoded:
        """W hypotheses for each mixture y [B, T].

        As many mixtures are decoded at once as `memory` allows. Where not even one fits, its hypotheses are
        decoded in several passes, which the log says; ValueError where they compete, or not one fits.
        """
        priors = self.likelihood.weigh(self.priors)
        plan = plan_decoding(
            self.memory,
            priors=priors,
            sizes=self.likelihood.sizes,
            decoder=self.decoder,
            length=self.length,
            on_gpu=self.weights.is_cuda,
        )
        if plan.passes > 1:
            said = (self.decoder.hypotheses, plan.passes)
            logger.info("%d hypotheses of a mixture in %d passes: more memory would take fewer", *said)
        parts = [
            self.decoded(mixtures[rows], [items[row] for row in rows.tolist()], priors, passes=plan.passes)
            for rows in torch.arange(len(mixtures)).split(plan.mixtures)
        ]
        return Decoded(
            torch.cat([one.codes for one in parts]),
            torch.cat([one.scores for one in parts]),
            torch.cat([one.uncounted for one in parts]),
        )

    def decoded(
        self, mixtures: Tensor, items: Sequence[int], priors: Sequence[Prior], *, passes: int
    ) -> Decoded:
        """W hypotheses of mixtures y [B, T] that are decoded at once; what is heard of them goes after it."""
        searches = self.likelihood.searches(mixtures, priors)
        numbers = self.uniforms(items, len(searches.parts)).to(mixtures.device)
        sources = [
            self.search(part, numbers[:, place], passes=passes) for place, part in enumerate(searches.parts)
        ]
        whole = sources[0] if len(sources) == 1 else joined(sources)
        return Decoded(whole.codes, whole.scores, searches.uncounted)

    def search(self, search: Search, uniforms: Tensor, *, passes: int) -> Hypotheses:
        """Decode all W hypotheses in so many passes; `uniforms` [B, S, draws] decide every draw."""
        decoder = self.decoder.split(passes)
        assert decoder is not None, "of passes that were planned"
        return join_parts(
            [
                decode_sequences(
                    search.likelihood,
                    priors=search.priors,
                    decoder=decoder,
                    uniforms=numbers,
                    heard=search.heard,
                )
                for numbers in self.decoder.deal(uniforms, passes)
            ]
        )

    def uniforms(self, items: Sequence[int], searches: int = 1) -> Tensor:
        """Numbers in [0, 1) [B, searches, S, draws], each mixture's drawn from (seed, item) alone."""
        shape = (searches, self.length, self.decoder.draws)
        return torch.from_numpy(
            np.stack([generator(self.seed, "decoding", item).random(shape) for item in items])
        )
