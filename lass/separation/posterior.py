"""The posterior of one position, on the support of the likelihood's slice (step 4 of the method, eq. 7)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices


def joint_log_posterior(
    log_probs: Sequence[Tensor], slices: RaggedSlices, *, likelihood_weight: float
) -> Tensor:
    """Unnormalised `sum_n log p_n(z_n | past) + lambda * log p(m | z_1..z_N)` of every tuple and hypothesis.

    Args:
        log_probs: one tensor [B, W, K] per source.
        slices: the tuples that the mixture code of each of the B rows allows.
        likelihood_weight: lambda.

    Returns:
        [total, W] float32: row t belongs to tuple t of `slices`, column w to hypothesis w of that mixture.
    """
    scores = (likelihood_weight * slices.log_likelihood)[:, None]  # [total, 1]
    for source, table in enumerate(log_probs):
        batch, hypotheses, codes = table.shape
        by_code = table.transpose(1, 2).reshape(
            batch * codes, hypotheses
        )  # rows are contiguous over hypotheses
        scores = scores + by_code.index_select(0, slices.row * codes + slices.tuples[:, source])
    return torch.broadcast_to(scores, (len(slices.row), log_probs[0].shape[1]))
