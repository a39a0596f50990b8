"""The learned likelihood: beside the counts it adds to the priors; alone it leaves every source to itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import Hypotheses, joined
from lass.separation.decoding.support import CountedPositions, LearnedPositions
from lass.separation.settings import DecoderSettings
from tests.oracles import Problem, TablePrior, draw_problem, every_score
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
    rows_of,
    top_k,
)

DECODERS: list[DecoderSettings] = [
    greedy(weight=0.8),
    beam(5, weight=3.0),
    ancestral(4, temperature=0.7),
    top_k(4, 3, weight=2.0),
    particle(4, temperature=0.7, resampling=0.8),
]
K, S = 4, 3


def problem_of(seed: int, *, sources: int, batch: int = 1) -> Problem:
    return draw_problem(np.random.default_rng(seed), sources=sources, codes=K, length=S, batch=batch)


def draw_heard(seed: int, *, sources: int) -> Tensor:
    """A log-likelihood of one mixture [1, N, S, K]."""
    drawn = np.random.default_rng(seed).normal(size=(1, sources, S, K))
    return torch.from_numpy(drawn).float()


def told(problem: Problem, heard: Tensor) -> Problem:
    """The same problem with what is heard of its one mixture inside the priors."""
    tables = [
        [table + np.asarray(heard[0, source, position]) for position, table in enumerate(conditionals)]
        for source, conditionals in enumerate(problem.conditionals)
    ]
    return replace(problem, conditionals=tables)


@pytest.mark.parametrize("settings", DECODERS, ids=kind_of)
@pytest.mark.parametrize("sources", [2, 3])
def test_beside_the_counts_it_adds_to_the_priors(settings: DecoderSettings, sources: int) -> None:
    for seed in range(5):
        problem, heard = problem_of(seed, sources=sources), draw_heard(seed, sources=sources)
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed)
        found = decode_sequences(
            CountedPositions(likelihood_of(problem), torch.from_numpy(problem.mixtures)),
            priors=[TablePrior(tables) for tables in problem.conditionals],
            decoder=open_decoder(settings),
            uniforms=uniforms,
            heard=heard,
        )
        expected = decode(told(problem, heard), settings, uniforms)
        assert torch.equal(found.codes, expected.codes)
        torch.testing.assert_close(found.scores, expected.scores, rtol=1e-4, atol=1e-5)


def alone(problem: Problem, heard: Tensor, settings: DecoderSettings, uniforms: Tensor) -> Hypotheses:
    """Each source of a problem searched by itself, by what is heard of it alone."""
    return joined(
        [
            decode_sequences(
                LearnedPositions(heard[:, source]),
                priors=[TablePrior(tables)],
                decoder=open_decoder(settings),
                uniforms=uniforms,
            )
            for source, tables in enumerate(problem.conditionals)
        ]
    )


def test_alone_the_widest_beam_finds_the_best_of_all_sequences() -> None:
    for seed in range(5):
        problem, heard = problem_of(seed, sources=2), draw_heard(seed, sources=2)
        settings = beam(K**S, weight=1.0)
        found = rows_of(alone(problem, heard, settings, draw_uniforms(problem, 0, seed=0)), 0)
        free = replace(told(problem, heard), likelihood=np.zeros_like(problem.likelihood))
        scores = every_score(free, problem.mixtures[0], weight=1.0)  # no tuple is likelier
        assert found[0] is not None
        path, score = found[0]
        best = max(scores, key=lambda one: scores[one])
        assert path == best
        assert score == pytest.approx(scores[best], abs=1e-4)


@pytest.mark.parametrize("settings", [ancestral(4000), particle(4000, resampling=0.5)], ids=kind_of)
def test_alone_codes_are_drawn_as_often_as_they_are_probable(settings: DecoderSettings) -> None:
    problem, heard = problem_of(1, sources=1), draw_heard(2, sources=1)
    short = replace(problem, mixtures=problem.mixtures[:, :1])
    uniforms = draw_uniforms(short, draws_of(settings), seed=3)
    found = alone(short, heard[:, :, :1], settings, uniforms)
    frequencies = torch.bincount(found.codes[0, :, 0, 0], minlength=K) / 4000
    wanted = (heard[0, 0, 0] + torch.from_numpy(problem.conditionals[0][0])).float().softmax(dim=0)
    torch.testing.assert_close(frequencies, wanted, atol=0.03, rtol=0)


def test_the_best_of_every_source_stand_together() -> None:
    codes = torch.tensor([[[[0]], [[1]]]])  # one mixture, two hypotheses, one position, one source
    first = Hypotheses(codes, torch.tensor([[-2.0, -1.0]]).double(), torch.zeros(1, 2).double())
    second = Hypotheses(codes + 2, torch.tensor([[-5.0, -7.0]]).double(), torch.zeros(1, 2).double())
    together = joined([first, second])
    assert together.codes[0, :, 0].tolist() == [[1, 2], [0, 3]]
    assert together.scores.tolist() == [[-6.0, -9.0]]


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[B, S, K\] with B, S, K >= 1 is needed"):
        LearnedPositions(torch.zeros(1, 2, 3, 4))
