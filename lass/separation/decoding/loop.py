"""Decoding sequences: from the likelihood to W hypotheses of the sources' codes (step 5 of the method).

Position by position the priors say what may follow, the likelihood what the mixture allows, the decoder which
hypotheses go on with what; then the priors follow.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lass.separation.decoding.decoders import Decoder
from lass.separation.decoding.independent import draw_positions
from lass.separation.decoding.kernel_search import search_by_kernels
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.readers import follow_parents, next_log_probs, open_readers
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import Positions


@torch.inference_mode()
def decode_sequences(
    likelihood: Positions,
    *,
    priors: Sequence[Prior],
    decoder: Decoder,
    uniforms: Tensor | None = None,
    heard: Tensor | None = None,
) -> Hypotheses:
    """Decode W hypotheses for each of B mixtures of S positions.

    Args:
        likelihood: of every position: `CountedPositions` of mixture codes, `FramePositions`, or, of one
            source, `LearnedPositions`.
        priors: one per source, in the order of the likelihood's tuples; one that stands for several sources
            is asked for all of them at once.
        decoder: how hypotheses go on (`open_decoder`).
        uniforms: numbers in [0, 1) [B, S, `decoder.draws`] that decide every draw; None where it draws none.
        heard: what is added to the log-probabilities of every source's codes [B, N, S, K]; None for nothing.

    Raises:
        ValueError: where number of priors, codebook sizes or uniforms do not fit, or a prior gives NaN.
    """
    check_priors(priors, likelihood)
    numbers = check_uniforms(uniforms, likelihood, decoder)
    if heard is None:
        whole = decode_at_once(likelihood, priors, decoder, uniforms=numbers)
        if whole is not None:
            return whole
    state = decoder.start(likelihood)
    readers = open_readers(
        priors,
        shape=(likelihood.batch, decoder.hypotheses, likelihood.length),
        device=likelihood.device,
        related=decoder.related,
        apart=likelihood.device.type == "cuda",
    )
    for position in range(likelihood.length):
        previous = state.codes[:, :, position - 1] if position > 0 else None
        log_probs = next_log_probs(previous, readers)  # N of [B, W, K]
        if any(table.isnan().any() for table in log_probs):
            raise ValueError(f"a prior gives NaN at position {position}: train it anew")
        if heard is not None:
            terms = heard[:, :, position].unbind(dim=1)  # N of [B, K]
            log_probs = [table + term[:, None] for table, term in zip(log_probs, terms, strict=True)]
        step = decoder.advance(state, log_probs, likelihood.at(position), numbers[:, position])
        state.extend(step, position)
        if step.parents is not None:
            follow_parents(step.parents, readers)
    return state


def decode_at_once(
    likelihood: Positions, priors: Sequence[Prior], decoder: Decoder, *, uniforms: Tensor
) -> Hypotheses | None:
    """The same without going position by position; None where there is no such way."""
    beams = decoder.beams(likelihood)
    if beams is not None:
        return search_by_kernels(beams, priors)
    return draw_positions(likelihood, priors=priors, decoder=decoder, uniforms=uniforms)


def check_priors(priors: Sequence[Prior], likelihood: Positions) -> None:
    """Refuse priors of other codes than the likelihood's, or of more or fewer sources."""
    sizes = {f"prior {index}": prior.codebook_size for index, prior in enumerate(priors)}
    if any(size != likelihood.codebook_size for size in sizes.values()):
        raise ValueError(
            f"codebook sizes differ: likelihood {likelihood.codebook_size}, {sizes}; use parts of one codec"
        )
    if len(priors) != likelihood.sources:
        raise ValueError(
            f"{len(priors)} priors for a likelihood of {likelihood.sources} sources: one per source"
        )


def check_uniforms(uniforms: Tensor | None, likelihood: Positions, decoder: Decoder) -> Tensor:
    """The numbers [B, S, draws]; ValueError where the decoder needs others than there are."""
    wanted = (likelihood.batch, likelihood.length, decoder.draws)
    if decoder.draws == 0:
        return torch.empty(wanted, device=likelihood.device)
    if uniforms is None or uniforms.shape != wanted:
        given = "none" if uniforms is None else tuple(uniforms.shape)
        raise ValueError(
            f"uniforms of shape {given}: {decoder.hypotheses} hypotheses that are drawn need numbers of "
            f"shape {wanted}"
        )
    return uniforms
