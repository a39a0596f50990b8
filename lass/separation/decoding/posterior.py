"""The posterior of one position, on the support of the likelihood (step 4 of the method; paper, equation 7).

`log p(z_1..z_N | m, past) = sum_n log p_n(z_n | past) + lambda * log p(m | z_1..z_N)`, up to a constant.

A learned likelihood is `log p(y | z_n)` of each source by itself: alone it is the second term of a search of
that source; beside the table the loop adds it, weighted, to the priors' term. With a `prior_weight` the
priors' term is the mean of theirs and of the codes' frequencies (`weighted.py`).

Written out it is `log_posteriors`, for given tuples, and `joint_log_posteriors`, for all of a slice. Where
there is no need to look at every tuple, faster paths take the same sum apart, and tests hold each against
this one:

    beam.py, likely_tuples        bounds over all hypotheses leave few tuples for beam search to look at
    factored.py, sample_pairs     two sources: the marginal of z_1 is one matrix product
    nested.py, sample_nested      any number of sources: sums from the inside out
    kernels.py, tile_winners      beam search on a GPU, by Triton
    independent.py                one source by frequencies alone: all positions at once
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from lass.likelihood.tensor import RaggedSlices


def log_posteriors(
    log_probs: Sequence[Tensor], tuples: Tensor, log_likelihood: Tensor, *, likelihood_weight: float
) -> Tensor:
    """Unnormalised `sum_n log p_n(z_n | past) + lambda * log p(m | z_1..z_N)` [B, W, M] of given tuples.

    Args:
        log_probs: one tensor [B, W, K] per source.
        tuples: M tuples of every mixture [B, M, N] int64.
        log_likelihood: log p(m | z_1..z_N) of each [B, M].
        likelihood_weight: lambda.
    """
    width = log_probs[0].shape[1]
    scores = (likelihood_weight * log_likelihood)[:, None]  # [B, 1, M]
    for table, codes in zip(log_probs, tuples.unbind(dim=2), strict=True):
        scores = scores + table.gather(2, codes[:, None].expand(-1, width, -1))
    return scores


def joint_log_posteriors(
    log_probs: Sequence[Tensor], slices: RaggedSlices, *, likelihood_weight: float
) -> Iterator[Tensor]:
    """The same of every tuple of the slices and every hypothesis.

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
