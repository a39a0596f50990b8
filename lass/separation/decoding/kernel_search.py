"""Greedy and beam search by Triton's kernels: where they suit, and the loop over positions around them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lass.compute.triton_trial import has_triton
from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.prior import Prior
from lass.separation.decoding.readers import follow_parents, next_log_probs, open_readers
from lass.separation.decoding.state import Hypotheses

if TYPE_CHECKING:
    from lass.separation.decoding.kernels import Beams


def kernels_suit(likelihood: Likelihood, mixture: Tensor, *, width: int) -> bool:
    """Whether kernels can search W = `width` beams of the mixture codes m [B, S]: on a GPU with Triton."""
    if not (mixture.is_cuda and has_triton()):
        return False
    from lass.separation.decoding import kernels  # noqa: PLC0415 (nobody needs Triton on a CPU)

    return kernels.fits(mixture, likelihood, width=width)


def open_beams(
    likelihood: Likelihood, mixture: Tensor, *, width: int, likelihood_weight: float
) -> "Beams | None":
    """W = `width` beams of the mixture codes m [B, S], all counted; None where kernels do not suit."""
    if not kernels_suit(likelihood, mixture, width=width):
        return None
    from lass.separation.decoding import kernels  # noqa: PLC0415 (nobody needs Triton on a CPU)

    return kernels.Beams(mixture, likelihood, width=width, likelihood_weight=likelihood_weight)


def search_by_kernels(beams: "Beams", priors: Sequence[Prior]) -> Hypotheses:
    """What `decode_sequences` finds by greedy or beam search; no step waits for the GPU.

    Raises ValueError where a prior gives NaN.
    """
    length, batch, width, _ = beams.codes.shape
    device = beams.codes.device
    readers = open_readers(priors, shape=(batch, width, length), device=device, related=True, apart=True)
    undefined = torch.zeros(length, dtype=torch.bool, device=device)  # asked for at the end
    for position in range(length):
        previous = beams.codes[position - 1] if position > 0 else None
        tables = torch.stack(next_log_probs(previous, readers))
        undefined[position] = tables.isnan().any()
        beams.extend(tables, position)
        follow_parents(beams.parents[position], readers)
    for position in undefined.nonzero()[:1, 0].tolist():
        raise ValueError(f"a prior gives NaN at position {position}: train it anew")
    scores = beams.scores[-1].clone()
    return Hypotheses(beams.traced(), scores, torch.zeros_like(scores))
