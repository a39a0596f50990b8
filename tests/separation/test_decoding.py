"""What holds for every decoder: batches do not matter, and parts that do not fit are refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.decoding import Hypotheses, Method, decode_sequences
from tests.oracles import Problem, TablePrior, draw_problem, draw_sizes
from tests.separation.toy import decode, draw_uniforms, likelihood_of

METHODS = [
    Method("greedy"),
    Method("beam", hypotheses=5, likelihood_weight=3.0),
    Method("ancestral", hypotheses=4, temperature=0.7),
    Method("top_k", hypotheses=4, top_k=3),
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


@pytest.mark.parametrize("method", METHODS, ids=named)
@pytest.mark.parametrize("sources", [2, 3])
def test_one_by_one_together_and_in_another_order(method: Method, sources: int) -> None:
    rng = np.random.default_rng(sources)
    for seed in range(15):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=6)
        uniforms = draw_uniforms(problem, method.hypotheses, seed=seed)
        together = decode(problem, method, uniforms)
        for item in range(6):
            assert_same(decode(choose(problem, [item]), method, uniforms[[item]]), together, [item])
        for order in (rng.permutation(6).tolist(), [3, 3, 0]):
            assert_same(decode(choose(problem, order), method, uniforms[order]), together, order)


def test_shapes_and_types() -> None:
    problem = draw_problem(np.random.default_rng(0), sources=3, codes=3, length=4, batch=2)
    hypotheses = decode(problem, Method("beam", hypotheses=5))
    assert hypotheses.codes.shape == (2, 5, 4, 3)
    assert hypotheses.codes.dtype == torch.int64
    assert hypotheses.scores.shape == (2, 5)
    assert hypotheses.scores.dtype == torch.float64


def test_only_counted_tuples_are_returned() -> None:
    rng = np.random.default_rng(1)
    for method in METHODS:
        problem = draw_problem(rng, sources=2, codes=4, length=4, batch=5)
        hypotheses = decode(problem, method, draw_uniforms(problem, method.hypotheses, seed=1))
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


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_prior_that_gives_nan(problem: Problem, method: Method) -> None:
    tables = [problem.conditionals[0][0], np.full((3, 3), np.nan)]
    priors = [TablePrior(problem.conditionals[0]), TablePrior(tables)]
    with pytest.raises(ValueError, match="NaN at position 1"):
        attempt(
            problem, priors=priors, method=method, uniforms=draw_uniforms(problem, method.hypotheses, seed=0)
        )


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
        ({"name": "beam", "likelihood_weight": -1.0}, "likelihood_weight -1.0"),
        ({"name": "beam", "likelihood_weight": float("nan")}, "likelihood_weight nan"),
    ],
)
def test_methods_that_mean_nothing(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Method(**settings)
