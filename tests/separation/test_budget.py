"""The memory that decoding takes stays under what it was given, and how it is given changes no result."""

import warnings
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from lass.likelihood.tensor import Likelihood
from lass.models.checkpoint import new_network
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape
from lass.separation.budget import mixtures_at_once
from lass.separation.decoding import Method, decode_sequences

LENGTH = 40
METHODS = [
    Method("greedy"),
    Method("beam", hypotheses=12),
    Method("ancestral", hypotheses=30),
    Method("top_k", hypotheses=30, top_k=20),
    Method("particle", hypotheses=30, resampling=0.5),
]


def table(rng: np.random.Generator, *, codes: int, sources: int, entries: int) -> Likelihood:
    """A table with the same number of tuples in every slice."""
    drawn = [np.sort(rng.choice(codes**sources, size=entries, replace=False)) for _ in range(codes)]
    tuples = np.stack(np.unravel_index(np.concatenate(drawn), (codes,) * sources), axis=-1)
    return Likelihood(
        offsets=torch.arange(codes + 1) * entries,
        tuples=torch.from_numpy(tuples.astype(np.uint16)),
        log_likelihood=torch.from_numpy(rng.normal(size=len(tuples)).astype(np.float32)),
        codebook_size=codes,
        sources=sources,
    )


def peak(
    method: Method, mixture: torch.Tensor, priors: list[TransformerPrior], likelihood: Likelihood
) -> int:
    """Most bytes that were allocated at once while the mixtures were decoded."""
    numbers = torch.rand(*mixture.shape, method.draws, dtype=torch.float64, generator=torch.Generator())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler's own
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            decode_sequences(mixture, priors=priors, likelihood=likelihood, method=method, uniforms=numbers)
    assert profiler.profiler is not None
    results = profiler.profiler.kineto_results
    assert results is not None
    return int(max(accumulate(event.nbytes() for event in results.events() if event.name() == "[memory]")))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize(("codes", "sources", "entries"), [(64, 2, 30), (64, 2, 4000), (16, 3, 3000)])
def test_what_is_allocated_stays_within_the_bound(
    method: Method, codes: int, sources: int, entries: int
) -> None:
    """And is no tiny part of it: a bound of a whole machine would be as true."""
    rng = np.random.default_rng(0)
    likelihood = table(rng, codes=codes, sources=sources, entries=entries)
    shape = TransformerShape(codes=codes, classes=1, context=LENGTH, layers=3, width=64, heads=2, kv_heads=1)
    priors = [TransformerPrior(new_network(Transformer, shape, seed=n)) for n in range(sources)]
    parts: dict[str, Any] = {"priors": priors, "likelihood": likelihood, "method": method, "length": LENGTH}
    mixture = torch.from_numpy(rng.integers(codes, size=(6, LENGTH)))
    found = peak(method, mixture, priors, likelihood)
    assert mixtures_at_once(20 * found, **parts) >= 6
    with pytest.raises(ValueError, match="allow more"):
        mixtures_at_once(found // 20, **parts)
    low, high = found // 20, 20 * found  # the least memory in which six mixtures are decoded at once
    while high - low > 1000:
        middle = (low + high) // 2
        try:
            enough = mixtures_at_once(middle, **parts) >= 6
        except ValueError:
            enough = False
        low, high = (low, middle) if enough else (middle, high)
    assert found <= high


def test_one_mixture_too_large_says_what_it_needs() -> None:
    likelihood = table(np.random.default_rng(1), codes=16, sources=2, entries=20)
    shape = TransformerShape(codes=16, classes=1, context=LENGTH, layers=1, width=16, heads=1, kv_heads=1)
    prior = TransformerPrior(new_network(Transformer, shape, seed=0))
    parts: dict[str, Any] = {"priors": [prior, prior], "likelihood": likelihood, "length": LENGTH}
    beam = Method("beam", hypotheses=1000)
    with pytest.raises(
        ValueError, match=r"one mixture needs .* MiB for 1000 hypotheses of 40 tokens, but 1 MiB"
    ):
        mixtures_at_once(2**20, method=beam, **parts)
    fewer = mixtures_at_once(2**28, method=beam, **parts)
    more = mixtures_at_once(2**28, method=replace(beam, hypotheses=100), **parts)
    assert 1 <= fewer < more
    assert mixtures_at_once(2**28, method=beam, evidence=True, **parts) <= fewer
