"""The memory that decoding takes stays under what it was given, and how it is given changes no result."""

import warnings
from collections.abc import Callable
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
from lass.separation.decoding.budget import mixtures_at_once
from lass.separation.decoding.decoders import Decoder, open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions, FramePositions, LearnedPositions, Positions
from lass.separation.likelihoods import ByFrames, ByNetwork, sizes_of
from lass.separation.separator import Separator
from lass.separation.settings import DecoderSettings
from tests.separation.toy import ancestral, beam, greedy, kind_of, particle, top_k

LENGTH = 24
DECODERS: list[DecoderSettings] = [
    greedy(),
    beam(12),
    ancestral(30),
    top_k(30, 20),
    particle(30, resampling=0.5),
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


def peak(positions: Positions, *, priors: list[TransformerPrior], decoder: Decoder) -> int:
    """Most bytes that were allocated at once while the mixtures were decoded."""
    shape = (positions.batch, positions.length, decoder.draws)
    numbers = torch.rand(shape, dtype=torch.float64, generator=torch.Generator())
    return peak_of(lambda: decode_sequences(positions, priors=priors, decoder=decoder, uniforms=numbers))


def peak_of(work: Callable[[], object]) -> int:
    """Most bytes that were allocated at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler's own
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            work()
    assert profiler.profiler is not None
    results = profiler.profiler.kineto_results
    assert results is not None
    return int(max(accumulate(event.nbytes() for event in results.events() if event.name() == "[memory]")))


def least_memory(mixtures: int, **parts: Any) -> int:
    """In which so many mixtures are decoded at once, up to a thousand bytes."""
    low, high = 0, 2**40
    while high - low > 1000:
        middle = (low + high) // 2
        try:
            enough = mixtures_at_once(middle, **({"length": LENGTH} | parts)) >= mixtures
        except ValueError:
            enough = False
        low, high = (low, middle) if enough else (middle, high)
    return high


def priors_of(sources: int, codes: int) -> list[TransformerPrior]:
    shape = TransformerShape(codes=codes, classes=1, context=LENGTH, layers=3, width=64, heads=2, kv_heads=1)
    return [TransformerPrior(new_network(Transformer, shape, seed=n)) for n in range(sources)]


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
@pytest.mark.parametrize(("codes", "sources", "entries"), [(64, 2, 30), (64, 2, 4000), (16, 3, 3000)])
def test_what_is_allocated_stays_within_the_bound(
    settings: DecoderSettings, codes: int, sources: int, entries: int
) -> None:
    """And is no tiny part of it, but for what is set aside once: a whole machine would be as true a bound."""
    rng = np.random.default_rng(0)
    likelihood = table(rng, codes=codes, sources=sources, entries=entries)
    parts: dict[str, Any] = {"priors": priors_of(sources, codes), "decoder": open_decoder(settings)}
    mixture = torch.from_numpy(rng.integers(codes, size=(6, LENGTH)))
    found = peak(CountedPositions(likelihood, mixture), **parts)
    six, twelve = (least_memory(number, sizes=sizes_of(likelihood), **parts) for number in (6, 12))
    assert found <= six
    assert twelve - six < 20 * found


def test_tuples_that_all_begin_alike_stay_within_the_bound_too() -> None:
    """Whatever is drawn first, no tuple of the slice is ruled out by it."""
    rng = np.random.default_rng(2)
    wide = table(rng, codes=64, sources=2, entries=4000)
    tuples = torch.cat([torch.zeros_like(wide.tuples[:, :1]), wide.tuples], dim=1)
    likelihood = replace(wide, tuples=tuples, sources=3)
    decoder = open_decoder(particle(60, resampling=0.5))
    parts: dict[str, Any] = {"priors": priors_of(3, 64), "decoder": decoder}
    mixture = torch.from_numpy(rng.integers(64, size=(1, LENGTH)))
    found = peak(CountedPositions(likelihood, mixture), **parts)
    assert found <= least_memory(1, sizes=sizes_of(likelihood), **parts)


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_frames_hold_a_number_for_every_pair(settings: DecoderSettings) -> None:
    """Also where priors rule out what the mixture shows, and pairs are drawn exactly."""
    rng = np.random.default_rng(1)
    parts: dict[str, Any] = {"priors": priors_of(2, 32), "decoder": open_decoder(settings)}
    least = least_memory(3, sizes=ByFrames(torch.zeros_like, codes=32).sizes, **parts)
    for scale in (1.0, 500.0):
        every_pair = scale * torch.from_numpy(rng.normal(size=(3, LENGTH, 32, 32))).float()
        assert peak(FramePositions(every_pair), **parts) <= least


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_sources_that_are_searched_one_by_one_stay_within_the_bound(settings: DecoderSettings) -> None:
    """And it is less than what all of them at once would take."""
    rng = np.random.default_rng(1)
    likelihood = table(rng, codes=64, sources=2, entries=30)
    priors, decoder = priors_of(2, 64), open_decoder(settings)
    heard = torch.from_numpy(rng.normal(size=(6, 2, LENGTH, 64))).float()
    found = max(
        peak(LearnedPositions(heard[:, source]), priors=[prior], decoder=decoder)
        for source, prior in enumerate(priors)
    )
    parts: dict[str, Any] = {"priors": priors, "decoder": decoder}
    alone = least_memory(6, sizes=ByNetwork(torch.zeros_like, torch.zeros(2, 64)).sizes, **parts)
    assert heard.nbytes + found <= alone
    assert settings.hypotheses == 1 or alone < least_memory(6, sizes=sizes_of(likelihood), **parts)


def test_what_was_heard_of_some_mixtures_is_gone_before_others_are_heard() -> None:
    """The bound holds, too, where the memory makes several parts necessary."""
    told = torch.randn(1, 2, 64, 128, generator=torch.Generator().manual_seed(0))
    likelihood = ByNetwork(lambda mixtures: told + mixtures[:, :1, None, None], torch.zeros(2, 128), 0.0)
    separator = Separator(
        decode=torch.zeros_like,
        priors=[],
        likelihood=likelihood,
        weights=torch.tensor([0.5, 0.5]),
        length=64,
        decoder=open_decoder(ancestral(2)),
        seed=0,
    )
    priors: list[Any] = likelihood.weigh([])
    parts = {"priors": priors, "sizes": likelihood.sizes, "decoder": separator.decoder, "length": 64}
    memory = least_memory(40, **parts)
    limited = replace(separator, memory=memory)
    assert peak_of(lambda: limited.hypotheses(torch.rand(120, 8), range(120))) <= memory


def test_one_mixture_too_large_says_what_it_needs() -> None:
    likelihood = table(np.random.default_rng(1), codes=16, sources=2, entries=20)
    shape = TransformerShape(codes=16, classes=1, context=LENGTH, layers=1, width=16, heads=1, kv_heads=1)
    prior = TransformerPrior(new_network(Transformer, shape, seed=0))
    parts: dict[str, Any] = {"priors": [prior, prior], "sizes": sizes_of(likelihood), "length": LENGTH}
    wide, narrow = (open_decoder(beam(width)) for width in (1000, 100))
    with pytest.raises(
        ValueError, match=r"one mixture needs .* MiB for 1000 hypotheses of 24 tokens, but 1 MiB"
    ):
        mixtures_at_once(2**20, decoder=wide, **parts)
    fewer = mixtures_at_once(2**28, decoder=wide, **parts)
    more = mixtures_at_once(2**28, decoder=narrow, **parts)
    assert 1 <= fewer < more
    every_pair = parts | {"sizes": ByFrames(torch.zeros_like, codes=16).sizes}
    assert mixtures_at_once(2**28, decoder=wide, **every_pair) <= fewer
