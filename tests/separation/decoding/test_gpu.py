"""Decoding on a GPU decides as on a CPU."""

import numpy as np
import pytest
import torch

from benchmarks.problems import RandomSizes, random_problem
from benchmarks.separation import Case, found_too, run_engine, timed_priors
from lass.separation.settings import DecoderSettings
from tests.oracles import draw_problem, draw_sizes
from tests.separation.toy import (
    ancestral,
    beam,
    decode,
    draw_uniforms,
    draws_of,
    greedy,
    kind_of,
    particle,
    top_k,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there"),
]

DECODERS: list[DecoderSettings] = [
    greedy(),
    beam(5, weight=2.0),
    ancestral(5),
    top_k(5, 3),
    particle(5, resampling=0.5),
]


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_decisions_are_those_of_a_cpu(settings: DecoderSettings, sources: int) -> None:
    rng = np.random.default_rng(sources)
    for seed in range(50):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=3, zeros=0.4 * (seed % 2))
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed) if draws_of(settings) else None
        found, expected = (decode(problem, settings, uniforms, device=name) for name in ("cuda", "cpu"))
        assert torch.equal(found.codes, expected.codes)
        torch.testing.assert_close(found.scores, expected.scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_transformers_decode_on_a_gpu(settings: DecoderSettings, precision: str) -> None:
    """More tokens than one tile of the attention holds."""
    sizes = RandomSizes(codes=32, entries=200, length=80)
    codes = []
    for name in ("cuda", "cpu"):
        problem = random_problem(sizes, mixtures=4, seed=0)
        for parameter in (one for prior in problem.priors for one in prior.network.parameters()):
            parameter.data *= 3.0  # untrained attention is nearly even
        problem = problem.to(name, precision)
        case = Case("", settings, 2, 4, device=name)
        codes.append(run_engine(problem, case, timed_priors(problem), range(4)).cpu().numpy())
    assert codes[0].shape == (4, settings.hypotheses, 80, 2)
    if precision == "float32":  # rounding may decide a near tie otherwise, and all that follows
        assert found_too(*codes) > 0.7
