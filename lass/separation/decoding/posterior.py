"""The posterior of one position, on the support of the likelihood's slice (step 4 of the method, eq. 7)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from lass.likelihood.tensor import RaggedSlices


def joint_log_posteriors(
    log_probs: Sequence[Tensor], slices: RaggedSlices, *, likelihood_weight: float
) -> Iterator[Tensor]:
    """Unnormalised `sum_n log p_n(z_n | past) + lambda * log p(m | z_1..z_N)` of every tuple and hypothesis.

    Args:
        log_probs: one tensor [B, W, K] per source.
        slices: the tuples that the mixture code of each of the B rows allows.
        likelihood_weight: lambda.

    Yields:
        [W, n] float32 of one mixture after the other, with the n tuples of its slice: no more than one
        mixture's tuples are held at once, and no slice is padded to the size of another.
    """
    for row, (first, last) in enumerate(pairwise(slices.offsets.tolist())):
        scores = likelihood_weight * slices.log_likelihood[first:last]  # [n]
        for table, codes in zip(log_probs, slices.tuples[first:last].T, strict=True):
            scores = scores + table[row].index_select(1, codes)  # [W, n]
        yield scores
