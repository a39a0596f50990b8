"""The published algorithm, written plainly from the method's description: what the engine is compared with.

One mixture at a time. Every slice of the likelihood becomes a dense array of K x K numbers, and every step
looks at all K x K pairs of every hypothesis. Beam search keeps the priors' key-value caches and copies them
to their new order at every step; the samplers pass the whole prefix through the priors at every position.
The scores are the right ones (the published beam search re-indexes them twice), so that decisions can be
compared.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.models.attention.cache import KeyValueCache
from lass.models.network import empty_cache
from lass.models.transformer import TransformerPrior


def dense_slice(likelihood: Likelihood, code: int) -> Tensor:
    """`log p(m | z_1, z_2)` of all pairs [K, K]."""
    tuples, values = likelihood.slice_of(code)
    dense = torch.full((likelihood.codebook_size,) * 2, -math.inf, device=tuples.device)
    dense[tuples[:, 0], tuples[:, 1]] = values
    return dense


@torch.inference_mode()
def search_beams(
    mixture: Tensor,
    *,
    priors: Sequence[TransformerPrior],
    likelihood: Likelihood,
    likelihood_weight: float,
    width: int,
    timed: Callable[[Callable[[], Tensor]], Tensor],
) -> tuple[Tensor, Tensor]:
    """The `width` best joint prefixes of one mixture m [S]: codes [W, S, 2] and log posteriors [W]."""
    length, size = len(mixture), likelihood.codebook_size
    caches = [empty_cache(prior.network, width, length) for prior in priors]
    codes = torch.zeros(width, length, 2, dtype=torch.int64, device=mixture.device)
    scores = torch.full((width,), -math.inf, dtype=torch.float64, device=mixture.device)
    scores[0] = 0.0
    for position in range(length):
        tables = []
        for source, (prior, cache) in enumerate(zip(priors, caches, strict=True)):
            network = prior.network
            if position == 0:
                inputs = network.start.weight[prior.class_index].expand(width, -1)
            else:
                inputs = network.embed(codes[:, position - 1, source])
            logits = timed(partial(network.step, inputs, cache))
            tables.append(logits.float().log_softmax(dim=-1))
        slice_ = likelihood_weight * dense_slice(likelihood, int(mixture[position]))
        peak = scores.max()
        total = (scores - peak).float()[:, None, None] + tables[0][:, :, None] + tables[1][:, None] + slice_
        best = total.flatten().topk(width)
        parents, pairs = best.indices // size**2, best.indices % size**2
        scores = best.values.double() + peak
        codes = codes[parents]
        codes[:, position] = torch.stack([pairs // size, pairs % size], dim=1)
        for cache in caches:
            assert isinstance(cache, KeyValueCache)
            cache.keys, cache.values = cache.keys[:, parents], cache.values[:, parents]
    return codes, scores


@torch.inference_mode()
def draw_candidates(
    mixture: Tensor,
    uniforms: Tensor,
    *,
    priors: Sequence[TransformerPrior],
    likelihood: Likelihood,
    likelihood_weight: float,
    top_k: int | None,
    timed: Callable[[Callable[[], Tensor]], Tensor],
) -> Tensor:
    """Candidates of one mixture m [S] by ancestral or top-k sampling: codes [W, S, 2].

    `uniforms` [S, W] decide the draws: the engine draws the same tuples from them.
    """
    length, width = uniforms.shape
    size = likelihood.codebook_size
    codes = torch.zeros(width, length, 2, dtype=torch.int64, device=uniforms.device)
    for position in range(length):
        tables = []
        for source, prior in enumerate(priors):
            starts = torch.full((width,), prior.class_index, device=codes.device)
            prefix = codes[:, : position + 1, source]  # its last entry is never read
            logits = timed(partial(prior.network, prefix, starts))
            tables.append(logits[:, -1].float().log_softmax(dim=-1))
        slice_ = likelihood_weight * dense_slice(likelihood, int(mixture[position]))
        total = (tables[0][:, :, None] + tables[1][:, None] + slice_).flatten(1)  # [W, K * K]
        values, order = (total, None) if top_k is None else total.sort(dim=1, descending=True, stable=True)
        shares = (values if top_k is None else values[:, :top_k]).double().softmax(dim=1).cumsum(dim=1)
        chosen = (shares <= uniforms[position, :, None] * shares[:, -1:]).sum(dim=1)
        chosen = chosen.clamp_max(shares.shape[1] - 1)[:, None]
        pairs = (chosen if order is None else order.gather(1, chosen))[:, 0]
        codes[:, position] = torch.stack([pairs // size, pairs % size], dim=1)
    return codes
