"""What holds for every decoder: batches do not matter, and parts that do not fit are refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import CountedPositions, FramePositions
from lass.separation.settings import DecoderSettings
from tests.oracles import Problem, TablePrior, draw_problem, draw_sizes
from tests.separation.toy import (
    ancestral,
    beam,
    decode,
    draw_uniforms,
    draws_of,
    greedy,
    kind_of,
    likelihood_of,
    particle,
    top_k,
)

DECODERS: list[DecoderSettings] = [
    greedy(),
    beam(5, weight=3.0),
    ancestral(4, temperature=0.7),
    top_k(4, 3),
    particle(4, temperature=0.7, resampling=0.8),
]


def choose(problem: Problem, items: list[int]) -> Problem:
    """The same priors and likelihood with these mixtures only."""
    return replace(problem, mixtures=problem.mixtures[items])


def assert_same(found: Hypotheses, expected: Hypotheses, items: list[int]) -> None:
    """The hypotheses of `items`, to the last bit."""
    assert torch.equal(found.codes, expected.codes[items])
    assert torch.equal(found.scores, expected.scores[items])
    assert torch.equal(found.log_weights, expected.log_weights[items])


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
@pytest.mark.parametrize("sources", [2, 3])
def test_one_by_one_together_and_in_another_order(settings: DecoderSettings, sources: int) -> None:
    rng = np.random.default_rng(sources)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=6)
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed)
        together = decode(problem, settings, uniforms)
        for item in range(6):
            assert_same(decode(choose(problem, [item]), settings, uniforms[[item]]), together, [item])
        for order in (rng.permutation(6).tolist(), [3, 3, 0]):
            assert_same(decode(choose(problem, order), settings, uniforms[order]), together, order)


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
@pytest.mark.parametrize("sources", [2, 3])
def test_shapes_and_types(settings: DecoderSettings, sources: int) -> None:
    problem = draw_problem(np.random.default_rng(0), sources=sources, codes=3, length=4, batch=2)
    hypotheses = decode(problem, settings, draw_uniforms(problem, draws_of(settings), seed=0))
    width = settings.hypotheses
    assert hypotheses.codes.shape == (2, width, 4, sources)
    assert hypotheses.codes.dtype == torch.int64
    for part in (hypotheses.scores, hypotheses.log_weights):
        assert part.shape == (2, width)
        assert part.dtype == torch.float64
        assert not part.isnan().any()
    assert settings.kind == "particle" or not hypotheses.log_weights.any()


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
@pytest.mark.parametrize("sources", [2, 3])
def test_a_prior_of_all_sources_is_as_good_as_copies_of_it(settings: DecoderSettings, sources: int) -> None:
    rng = np.random.default_rng(20 + sources)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=3)
        problem = replace(problem, conditionals=[problem.conditionals[0]] * sources)
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed)
        shared = decode_sequences(
            CountedPositions(likelihood_of(problem), torch.from_numpy(problem.mixtures)),
            priors=[TablePrior(problem.conditionals[0])] * sources,
            decoder=open_decoder(settings),
            uniforms=uniforms,
        )
        assert_same(shared, decode(problem, settings, uniforms), [0, 1, 2])


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_the_table_as_numbers_for_all_pairs_gives_what_its_slices_give(settings: DecoderSettings) -> None:
    rng = np.random.default_rng(30)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=2), batch=3)
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed)
        found = decode_sequences(
            FramePositions(torch.from_numpy(problem.likelihood[problem.mixtures]).float()),
            priors=[TablePrior(tables) for tables in problem.conditionals],
            decoder=open_decoder(settings),
            uniforms=uniforms,
        )
        expected = decode(problem, settings, uniforms)
        assert torch.equal(found.codes, expected.codes)
        torch.testing.assert_close(found.scores, expected.scores)  # added up in another order
        torch.testing.assert_close(found.log_weights, expected.log_weights, rtol=1e-5, atol=1e-5)


def test_only_counted_tuples_are_returned() -> None:
    rng = np.random.default_rng(1)
    for settings in DECODERS:
        problem = draw_problem(rng, sources=2, codes=4, length=4, batch=5)
        hypotheses = decode(problem, settings, draw_uniforms(problem, draws_of(settings), seed=1))
        codes = hypotheses.codes[hypotheses.scores > -torch.inf]  # [live, S, N]
        mixture = np.repeat(problem.mixtures, (hypotheses.scores > -torch.inf).sum(1).numpy(), axis=0)
        assert np.isfinite(problem.likelihood[mixture, codes[..., 0], codes[..., 1]]).all()


# --- what is refused ---


def attempt(
    problem: Problem,
    *,
    mixture: Tensor | None = None,
    likelihood: Likelihood | None = None,
    frames: Tensor | None = None,
    settings: DecoderSettings | None = None,
    **changes: Any,
) -> None:
    """Decode a problem with some arguments replaced."""
    codes = torch.from_numpy(problem.mixtures) if mixture is None else mixture
    counted = likelihood_of(problem) if likelihood is None else likelihood
    arguments: dict[str, Any] = {
        "priors": [TablePrior(tables) for tables in problem.conditionals],
        "decoder": open_decoder(greedy() if settings is None else settings),
    }
    positions = CountedPositions(counted, codes) if frames is None else FramePositions(frames)
    decode_sequences(positions, **(arguments | changes))


@pytest.fixture
def problem() -> Problem:
    return draw_problem(np.random.default_rng(5), sources=2, codes=3, length=2, batch=2)


def test_codebooks_that_differ(problem: Problem) -> None:
    other = draw_problem(np.random.default_rng(6), sources=2, codes=4, length=2)
    with pytest.raises(ValueError, match=r"likelihood 4.*'prior 0': 3"):
        attempt(problem, likelihood=likelihood_of(other))


def test_one_prior_too_few(problem: Problem) -> None:
    with pytest.raises(ValueError, match="1 priors for a likelihood of 2 sources"):
        attempt(problem, priors=[TablePrior(problem.conditionals[0])])


@pytest.mark.parametrize("shape", [(2,), (0, 2), (2, 0), (1, 2, 2)])
def test_mixtures_of_a_wrong_shape(problem: Problem, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[B, S\]"):
        attempt(problem, mixture=torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize("mixture", [torch.tensor([[0, 3]]), torch.tensor([[-1, 0]]), torch.zeros(1, 2)])
def test_mixture_codes_outside_the_codebook(problem: Problem, mixture: Tensor) -> None:
    with pytest.raises(ValueError, match=r"int64 codes in \[0, 3\)"):
        attempt(problem, mixture=mixture)


def test_a_mixture_code_that_was_never_counted(problem: Problem) -> None:
    likelihood = problem.likelihood.copy()
    likelihood[2] = -np.inf
    with pytest.raises(ValueError, match="mixture code 2 was never counted"):
        attempt(replace(problem, likelihood=likelihood), mixture=torch.tensor([[0, 2]]))


@pytest.mark.parametrize("uniforms", [None, torch.zeros(2, 2, 4), torch.zeros(2, 3)])
def test_samplers_without_their_numbers(problem: Problem, uniforms: Tensor | None) -> None:
    with pytest.raises(
        ValueError, match=r"uniforms of shape .*: 3 hypotheses .* need numbers of shape \(2, 2, 3\)"
    ):
        attempt(problem, settings=ancestral(3), uniforms=uniforms)


def test_particles_need_a_number_more(problem: Problem) -> None:
    settings = particle(3, resampling=0.5)
    with pytest.raises(
        ValueError, match=r"uniforms of shape \(2, 2, 3\): 3 .* need numbers of shape \(2, 2, 4\)"
    ):
        attempt(problem, settings=settings, uniforms=torch.zeros(2, 2, 3))
    attempt(problem, settings=settings, uniforms=torch.zeros(2, 2, 4))


@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 2, 3, 4), (0, 2, 3, 3), (2, 0, 3, 3), (2, 2, 3, 3, 3)])
def test_frames_of_a_wrong_shape(problem: Problem, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"frames of shape .*: \[B, S, K, K\] with .* is needed"):
        attempt(problem, frames=torch.zeros(shape))


def test_frames_of_another_codebook(problem: Problem) -> None:
    with pytest.raises(ValueError, match=r"codebook sizes differ: likelihood 4.*'prior 0': 3"):
        attempt(problem, frames=torch.zeros(2, 2, 4, 4))


def test_the_likelihood_of_frames_is_of_two_sources() -> None:
    problem = draw_problem(np.random.default_rng(7), sources=3, codes=3, length=2, batch=2)
    with pytest.raises(ValueError, match="3 priors for a likelihood of 2 sources"):
        attempt(problem, frames=torch.zeros(2, 2, 3, 3))


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
def test_a_prior_that_gives_nan(problem: Problem, settings: DecoderSettings) -> None:
    tables = [problem.conditionals[0][0], np.full((3, 3), np.nan)]
    priors = [TablePrior(problem.conditionals[0]), TablePrior(tables)]
    with pytest.raises(ValueError, match="NaN at position 1"):
        attempt(
            problem,
            priors=priors,
            settings=settings,
            uniforms=draw_uniforms(problem, draws_of(settings), seed=0),
        )
