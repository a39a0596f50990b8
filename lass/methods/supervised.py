"""Supervised baselines for music (the paper's Table 5): networks that learnt to separate from true mixtures.

They saw mixtures and their sources while they were trained (`lass.models.separators`), which latent
autoregressive source separation does not need.
"""

import torch
from torch import Tensor

from lass.models.separators import MixtureSeparator


@torch.inference_mode()
def separate(network: MixtureSeparator, mixtures: Tensor, *, weights: Tensor) -> Tensor:
    """Estimates [B, N, T] of the sources x_n of mixtures y [B, T]; `weights` are alpha [N].

    The network sees one mixture at a time: a mixture's estimates do not depend on its neighbours, not even in
    how sums are rounded.
    """
    none = mixtures.new_empty(0, len(weights), mixtures.shape[1])
    separated = torch.cat([none, *(network(mixture[None]) for mixture in mixtures)])
    return separated / weights[:, None]
