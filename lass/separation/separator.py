"""From mixtures to hypotheses of the sources' codes: encode, decode (steps 1, 4, 5 of the method)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.budget import mixtures_at_once
from lass.separation.decoding.decoders import Decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.support import CountedPositions, FramePositions, Positions


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

    def hypotheses(self, mixtures: Tensor, items: Sequence[int]) -> Decoded:
        """W hypotheses for each mixture y [B, T]; mixture codes that were never counted are replaced.

        As many mixtures are decoded at once as `memory` allows; ValueError where not even one fits. Where
        `frames` is given, it takes the place of the table of counts.
        """
        codes = torch.cat([self.encode(mixture[None]) for mixture in mixtures])  # [B, S]
        counted = self.fallback[codes]
        together = mixtures_at_once(
            self.memory,
            priors=self.priors,
            likelihood=self.likelihood,
            decoder=self.decoder,
            length=codes.shape[1],
            frames=self.frames is not None,
        )
        decoded = []
        for part in torch.arange(len(codes)).split(together):
            uniforms = self.uniforms([items[row] for row in part.tolist()], codes.shape[1])
            likelihood = self.positions(mixtures[part], counted[part])
            decoded.append(
                decode_sequences(
                    likelihood,
                    priors=self.priors,
                    decoder=self.decoder,
                    uniforms=uniforms.to(codes.device),
                )
            )
        return Decoded(
            torch.cat([one.codes for one in decoded]),
            torch.cat([one.scores for one in decoded]),
            (counted != codes).sum(dim=1),
        )

    def positions(self, mixtures: Tensor, codes: Tensor) -> Positions:
        """The likelihood of mixtures y [B, T] with the counted codes m [B, S], position by position."""
        if self.frames is None:
            return CountedPositions(self.likelihood, codes)
        return FramePositions(self.frames(mixtures))

    def uniforms(self, items: Sequence[int], length: int) -> Tensor:
        """Numbers in [0, 1) [B, S, draws], each mixture's drawn from (seed, item) alone."""
        shape = (length, self.decoder.draws)
        return torch.from_numpy(
            np.stack([generator(self.seed, "decoding", item).random(shape) for item in items])
        )
