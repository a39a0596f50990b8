"""What holds for every decoder: batches do not matter, and parts that do not fit are refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.decoding.loop import Hypotheses, Method, decode_sequences
from tests.oracles import Problem, TablePrior, draw_problem, draw_sizes
from tests.separation.toy import decode, draw_uniforms, likelihood_of

METHODS = [
    Method("greedy"),
    Method("beam", hypotheses=5, likelihood_weight=3.0),
    Method("ancestral", hypotheses=4, temperature=0.7),
    Method("top_k", hypotheses=4, top_k=3),
    Method("particle", hypotheses=4, temperature=0.7, resampling=0.8),
]


def named(method: Method) -> str:
    return method.name


def choose(problem: Problem, items: list[int]) -> Problem:
    """The same priors and likelihood with these mixtures only."""
    return replace(problem, mixtures=problem.mixtures[items])


def assert_same(found: Hypotheses, expected: Hypotheses, items: list[int]) -> None:
    """The hypotheses of `items`, to the last bit."""
    assert torch.equal(found.codes, expected.codes[items])
    assert torch.equal(found.scores, expected.scores[items])
    assert torch.equal(found.log_weights, expected.log_weights[items])


@pytest.mark.parametrize("method", METHODS, ids=named)
@pytest.mark.parametrize("sources", [2, 3])
def test_one_by_one_together_and_in_another_order(method: Method, sources: int) -> None:
    rng = np.random.default_rng(sources)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=6)
        uniforms = draw_uniforms(problem, method.draws, seed=seed)
        together = decode(problem, method, uniforms)
        for item in range(6):
            assert_same(decode(choose(problem, [item]), method, uniforms[[item]]), together, [item])
        for order in (rng.permutation(6).tolist(), [3, 3, 0]):
            assert_same(decode(choose(problem, order), method, uniforms[order]), together, order)


@pytest.mark.parametrize("method", METHODS, ids=named)
@pytest.mark.parametrize("sources", [2, 3])
def test_shapes_and_types(method: Method, sources: int) -> None:
    problem = draw_problem(np.random.default_rng(0), sources=sources, codes=3, length=4, batch=2)
    hypotheses = decode(problem, method, draw_uniforms(problem, method.draws, seed=0))
    width = method.hypotheses
    assert hypotheses.codes.shape == (2, width, 4, sources)
    assert hypotheses.codes.dtype == torch.int64
    for part in (hypotheses.scores, hypotheses.log_weights):
        assert part.shape == (2, width)
        assert part.dtype == torch.float64
        assert not part.isnan().any()
    assert method.name == "particle" or not hypotheses.log_weights.any()


@pytest.mark.parametrize("method", METHODS, ids=named)
@pytest.mark.parametrize("sources", [2, 3])
def test_a_prior_of_all_sources_is_as_good_as_copies_of_it(method: Method, sources: int) -> None:
    rng = np.random.default_rng(20 + sources)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=3)
        problem = replace(problem, conditionals=[problem.conditionals[0]] * sources)
        uniforms = draw_uniforms(problem, method.draws, seed=seed)
        shared = decode_sequences(
            torch.from_numpy(problem.mixtures),
            priors=[TablePrior(problem.conditionals[0])] * sources,
            likelihood=likelihood_of(problem),
            method=method,
            uniforms=uniforms,
        )
        assert_same(shared, decode(problem, method, uniforms), [0, 1, 2])


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_the_table_as_evidence_gives_what_its_slices_give(method: Method) -> None:
    rng = np.random.default_rng(30)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=2), batch=3)
        uniforms = draw_uniforms(problem, method.draws, seed=seed)
        found = decode_sequences(
            torch.from_numpy(problem.mixtures),
            priors=[TablePrior(tables) for tables in problem.conditionals],
            likelihood=likelihood_of(problem),
            method=method,
            uniforms=uniforms,
            evidence=torch.from_numpy(problem.likelihood[problem.mixtures]).float(),
        )
        expected = decode(problem, method, uniforms)
        assert torch.equal(found.codes, expected.codes)
        torch.testing.assert_close(found.scores, expected.scores)  # added up in another order
        torch.testing.assert_close(found.log_weights, expected.log_weights, rtol=1e-5, atol=1e-5)


def test_only_counted_tuples_are_returned() -> None:
    rng = np.random.default_rng(1)
    for method in METHODS:
        problem = draw_problem(rng, sources=2, codes=4, length=4, batch=5)
        hypotheses = decode(problem, method, draw_uniforms(problem, method.draws, seed=1))
        codes = hypotheses.codes[hypotheses.scores > -torch.inf]  # [live, S, N]
        mixture = np.repeat(problem.mixtures, (hypotheses.scores > -torch.inf).sum(1).numpy(), axis=0)
        assert np.isfinite(problem.likelihood[mixture, codes[..., 0], codes[..., 1]]).all()


# --- what is refused ---


def attempt(problem: Problem, **changes: Any) -> None:
    """Decode a problem with some arguments replaced."""
    arguments: dict[str, Any] = {
        "priors": [TablePrior(tables) for tables in problem.conditionals],
        "likelihood": likelihood_of(problem),
        "method": Method("greedy"),
    }
    mixture = changes.pop("mixture", torch.from_numpy(problem.mixtures))
    decode_sequences(mixture, **(arguments | changes))


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
    with pytest.raises(ValueError, match=r"ancestral needs uniforms of shape \(2, 2, 3\)"):
        attempt(problem, method=Method("ancestral", hypotheses=3), uniforms=uniforms)


def test_particles_need_a_number_more(problem: Problem) -> None:
    method = Method("particle", hypotheses=3, resampling=0.5)
    with pytest.raises(ValueError, match=r"particle needs uniforms of shape \(2, 2, 4\)"):
        attempt(problem, method=method, uniforms=torch.zeros(2, 2, 3))
    attempt(problem, method=method, uniforms=torch.zeros(2, 2, 4))


@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 1, 3, 3), (2, 2, 3, 4), (1, 2, 3, 3)])
def test_evidence_of_a_wrong_shape(problem: Problem, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"evidence of shape .*: \(2, 2, 3, 3\) is needed"):
        attempt(problem, evidence=torch.zeros(shape))


def test_evidence_is_of_two_sources() -> None:
    problem = draw_problem(np.random.default_rng(7), sources=3, codes=3, length=2, batch=2)
    with pytest.raises(ValueError, match="evidence of 3 sources"):
        attempt(problem, evidence=torch.zeros(2, 2, 3, 3))


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_prior_that_gives_nan(problem: Problem, method: Method) -> None:
    tables = [problem.conditionals[0][0], np.full((3, 3), np.nan)]
    priors = [TablePrior(problem.conditionals[0]), TablePrior(tables)]
    with pytest.raises(ValueError, match="NaN at position 1"):
        attempt(problem, priors=priors, method=method, uniforms=draw_uniforms(problem, method.draws, seed=0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "viterbi"}, "'viterbi': choose one of greedy, beam, ancestral, top_k, particle"),
        ({"name": "beam", "hypotheses": 0}, "beam with 0 hypotheses"),
        ({"name": "greedy", "hypotheses": 2}, "exactly 1 for greedy"),
        ({"name": "top_k"}, "top_k with top_k = None"),
        ({"name": "beam", "top_k": 3}, "the others refuse it"),
        ({"name": "top_k", "top_k": 0}, "top_k 0 must be at least 1"),
        ({"name": "ancestral", "temperature": 0.0}, "temperature 0.0 must be positive"),
        ({"name": "ancestral", "temperature": float("nan")}, "temperature nan"),
        ({"name": "ancestral", "temperature": float("inf")}, "temperature inf"),
        ({"name": "particle"}, "particle with resampling = None: the method particle needs it"),
        ({"name": "ancestral", "resampling": 0.5}, "ancestral with resampling = 0.5.*the others refuse it"),
        ({"name": "particle", "resampling": 0.0}, r"resampling 0.0 must be a share in \(0, 1\]"),
        ({"name": "particle", "resampling": 1.1}, "resampling 1.1 must be"),
        ({"name": "particle", "resampling": float("nan")}, "resampling nan must be"),
        ({"name": "particle", "resampling": 0.5, "top_k": 4}, "the others refuse it"),
        ({"name": "beam", "likelihood_weight": -1.0}, "likelihood_weight -1.0"),
        ({"name": "beam", "likelihood_weight": float("nan")}, "likelihood_weight nan"),
    ],
)
def test_methods_that_mean_nothing(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Method(**settings)
