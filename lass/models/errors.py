"""How far estimates are from the sources that they stand for, as networks that separate are trained by it."""

import torch
from torch import Tensor

FLOOR = 1e-3  # errors 30 dB below the mixture do not count: a silent source has no decibels
QUIET = 1e-7  # mean square of a mixture that counts as silence itself


def error_in_nepers(errors: Tensor, mixtures: Tensor) -> Tensor:
    """The loss of Conv-TasNet: the signal-to-noise ratio of the error itself, negative and in nepers.

    Of the error itself, so that levels are learnt, too. It has the soft threshold of Wisdom et al. 2020
    ("Unsupervised sound separation using mixture invariant training"), here for every source relative to the
    mixture, as Wisdom et al. 2021 ("What's all the FUSS about free universal sound separation data?") have it
    for silent ones: without it these outweigh all others.
    """
    floor = FLOOR * mixtures.square().mean(dim=-1, keepdim=True) + QUIET  # [B, 1]
    return 0.5 * (errors.square().mean(dim=-1) + floor).log().mean()


def absolute_error(errors: Tensor, mixtures: Tensor) -> Tensor:  # noqa: ARG001 (as the other loss)
    """The loss of Hybrid Demucs: the mean absolute error."""
    return errors.abs().mean()


def pairwise_errors(estimates: Tensor, sources: Tensor, mixtures: Tensor, *, length: int) -> Tensor:
    """The error in nepers of each estimate for each source, [B, S, N, N], in segments of `length` samples.

    Estimates and sources are [B, N, T], mixtures [B, T]. The floor is that of the whole mixture; a rest of
    samples is left out; mixtures that are shorter are one segment.
    """
    length = min(length, mixtures.shape[-1])
    count = mixtures.shape[-1] // length
    cut = [part[..., : count * length].unflatten(-1, (count, length)) for part in (estimates, sources)]
    floor = FLOOR * mixtures.square().mean(dim=-1) + QUIET  # [B]
    rows = [
        (estimate[:, None] - cut[1]).square().mean(dim=-1)  # [B, N, S]: of one estimate to all sources
        for estimate in cut[0].unbind(dim=1)
    ]
    squares = torch.stack(rows, dim=1).permute(0, 3, 1, 2)  # [B, S, N, N]
    return 0.5 * (squares + floor[:, None, None, None]).log()
