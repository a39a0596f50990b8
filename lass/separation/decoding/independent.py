"""Draw all positions at once where none depends on another: by a learned likelihood and frequencies.

The numbers, the codes and their scores are those of the loop over positions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lass.separation.decoding.decoders import Decoder, SamplingDecoder
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.sampling import tempered_mass
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import LearnedPositions, Positions
from lass.separation.decoding.weighted import FrequencyPrior

NUMBERS = 2**17  # posteriors of codes that are held at once, a few times over


def draw_positions(
    likelihood: Positions, *, priors: Sequence[Prior], decoder: Decoder, uniforms: Tensor
) -> Hypotheses | None:
    """As `lass.separation.decoding.loop.decode_sequences`; None where a position depends on another.

    `uniforms` [B, S, draws] decide every draw.
    """
    if not isinstance(likelihood, LearnedPositions) or not isinstance(decoder, SamplingDecoder):
        return None
    prior = priors[0]  # of the one source
    if not isinstance(prior, FrequencyPrior) or decoder.top_k is not None:
        return None
    shape = (likelihood.batch, decoder.hypotheses, likelihood.length, 1)
    drawn = Hypotheses.empty(shape, likelihood.device)
    at_once = max(1, NUMBERS // likelihood.codebook_size)
    for row, told in enumerate(likelihood.log_likelihood):
        scores = decoder.likelihood_weight * told + prior.frequencies  # [S, K]
        numbers = decoder.spread(uniforms[row]).split(at_once)
        pieces = [
            pick(part, own, temperature=decoder.temperature)
            for part, own in zip(scores.split(at_once), numbers, strict=True)
        ]
        drawn.codes[row, ..., 0] = torch.cat([codes for codes, _ in pieces]).T
        drawn.scores[row] = torch.cat([own for _, own in pieces]).cumsum(dim=0)[-1]  # as the loop adds
    return drawn


def pick(scores: Tensor, uniforms: Tensor, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Codes [S, W] by the log posteriors [S, K], one for each of the numbers [S, W], and their scores."""
    cumulative = tempered_mass(scores, temperature=temperature).exp().cumsum(dim=1)
    targets = uniforms.double() * cumulative[:, -1:]
    codes = torch.searchsorted(cumulative, targets, right=True).clamp_max(scores.shape[1] - 1)
    return codes, scores.gather(1, codes).double()
