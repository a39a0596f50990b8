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
from lass.separation.offsets import Image, moved

logger = logging.getLogger("lass")


@dataclass(frozen=True)
class Decoded:
    """Hypotheses for a batch of mixtures."""

    codes: Tensor  # [B, W, S, N] int64
    scores: Tensor  # [B, W] float64: log posterior up to a constant per mixture; -inf: no such hypothesis
    uncounted: Tensor  # [B] int64: positions whose mixture code was never counted, where it is not moved
    offsets: Tensor  # [W] int64: by how much the mixture was moved for each hypothesis


@dataclass(frozen=True)
class DecodedRows:
    """Hypotheses of moved mixtures that are decoded at once."""

    hypotheses: Hypotheses
    uncounted: Tensor  # [R] int64


@dataclass(frozen=True)
class Separator:
    """Everything that a separation needs; networks enter as functions and as `Prior` objects."""

    decode: Callable[[Tensor], Tensor]  # codes [R, S] to waveforms [R, T]
    priors: Sequence[Prior]  # N, in the order of the sources; none where the likelihood asks for none
    likelihood: MixtureLikelihood
    weights: Tensor  # alpha [N]
    length: int  # S, tokens of a mixture
    decoder: Decoder  # of the hypotheses of one offset
    seed: int
    memory: int = 4 * 2**30  # bytes that decoding may take beside the priors and the likelihood
    offsets: Sequence[int] = (0,)  # by which mixtures are moved in turn, as of `lass.separation.offsets`
    image: Image | None = None  # colours, rows and columns of a mixture; None for audio

    def hypotheses(self, mixtures: Tensor, items: Sequence[int]) -> Decoded:
        """W hypotheses for each mixture y [B, T].

        Every mixture is decoded once for each offset, moved by it, with its part of the hypotheses. As many
        are decoded at once as `memory` allows. Where not even one fits, its hypotheses are decoded in several
        passes, which the log says; ValueError where they compete, or not one fits.
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
        count, rows = len(self.offsets), torch.arange(len(mixtures) * len(self.offsets))
        places = [moved(mixtures, by, image=self.image) for by in self.offsets]
        data = torch.stack(places, dim=1).flatten(0, 1)  # [R, T]: all offsets of a mixture, then of the next
        streams = [(item, place) for item in items for place in range(count)]
        parts = [
            self.decoded(data[own], [streams[row] for row in own.tolist()], priors, passes=plan.passes)
            for own in rows.split(plan.mixtures)
        ]
        return Decoded(
            torch.cat([one.hypotheses.codes for one in parts]).unflatten(0, (-1, count)).flatten(1, 2),
            torch.cat([one.hypotheses.scores for one in parts]).unflatten(0, (-1, count)).flatten(1, 2),
            torch.cat([one.uncounted for one in parts])[::count],
            torch.tensor(self.offsets, device=mixtures.device).repeat_interleave(self.decoder.hypotheses),
        )

    def decoded(
        self, data: Tensor, streams: Sequence[tuple[int, int]], priors: Sequence[Prior], *, passes: int
    ) -> DecodedRows:
        """Hypotheses of moved mixtures [R, T] that are decoded at once; what is heard of them goes after it.

        `streams` has the item of every row, and the place of its offset among them.
        """
        searches = self.likelihood.searches(data, priors)
        numbers = self.uniforms(streams, len(searches.parts)).to(data.device)
        sources = [
            self.search(part, numbers[:, place], passes=passes) for place, part in enumerate(searches.parts)
        ]
        return DecodedRows(sources[0] if len(sources) == 1 else joined(sources), searches.uncounted)

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

    def uniforms(self, streams: Sequence[tuple[int, int]], searches: int = 1) -> Tensor:
        """Numbers in [0, 1) [R, searches, S, draws], a row's from seed, item and place alone."""
        shape = (searches, self.length, self.decoder.draws)
        return torch.from_numpy(
            np.stack(
                [
                    generator(self.seed, "decoding", item).random((place + 1, *shape))[place]
                    for item, place in streams
                ]
            )
        )
