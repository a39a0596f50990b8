"""Greedy and beam search against plain lists and full enumeration on hundreds of toy problems."""

from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation.decoding.beam import best_continuations, settle
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import Step
from lass.separation.decoding.support import CountedPositions
from tests.oracles import (
    Problem,
    TablePrior,
    beam_rows,
    draw_problem,
    draw_sizes,
    draw_tied_problem,
    every_score,
    greedy_path,
    path_score,
)
from tests.separation.toy import beam, decode, greedy, likelihood_of, rows_of

TOLERANCE = 1e-4  # scores are sums of float32
GREEDY = greedy()


def assert_rows(found: list[Any], expected: list[Any]) -> None:
    """Equal sequences row by row, and scores up to rounding."""
    assert [row and row[0] for row in found] == [row and row[0] for row in expected]
    for row, other in zip(found, expected, strict=True):
        if row is not None:
            assert row[1] == pytest.approx(other[1], abs=TOLERANCE)


@pytest.mark.parametrize("sources", [2, 3])
def test_greedy_takes_the_best_tuple_of_every_position(sources: int) -> None:
    rng = np.random.default_rng(sources)
    for _ in range(200):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=2)
        weight = float(rng.choice([0.0, 1.0, 3.0]))
        hypotheses = decode(problem, greedy(weight=weight))
        for item, mixture in enumerate(problem.mixtures):
            assert_rows(rows_of(hypotheses, item), [greedy_path(problem, mixture, weight=weight)])


@pytest.mark.parametrize("sources", [2, 3])
def test_beams_are_those_of_plain_lists(sources: int) -> None:
    rng = np.random.default_rng(10 + sources)
    for _ in range(250):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=int(rng.integers(1, 4)))
        width, weight = int(rng.integers(1, 9)), float(rng.choice([0.0, 1.0, 3.0]))
        hypotheses = decode(problem, beam(width, weight=weight))
        for item, mixture in enumerate(problem.mixtures):
            expected = beam_rows(problem, mixture, width=width, weight=weight)
            assert_rows(rows_of(hypotheses, item), expected)


@pytest.mark.parametrize("sources", [2, 3])
def test_ties_go_to_the_lower_row_then_to_the_earlier_tuple(sources: int) -> None:
    rng = np.random.default_rng(20 + sources)
    for _ in range(250):
        sizes = draw_sizes(rng, sources=sources)
        problem = draw_tied_problem(rng, **sizes, batch=2, levels=int(rng.integers(1, 4)))
        width = int(rng.integers(1, 9))
        hypotheses = decode(problem, beam(width))
        greedy = decode(problem, GREEDY)
        for item, mixture in enumerate(problem.mixtures):
            # Sums of quarters are exact: scores agree to the last bit, whatever ties there are.
            assert rows_of(hypotheses, item) == beam_rows(problem, mixture, width=width, weight=1.0)
            assert rows_of(greedy, item) == [greedy_path(problem, mixture, weight=1.0)]


@pytest.mark.parametrize("sources", [2, 3])
def test_scores_are_those_of_the_returned_codes(sources: int) -> None:
    """The published code indexes scores by parent twice, so that they belong to other beams."""
    rng = np.random.default_rng(30 + sources)
    for _ in range(150):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=2, zeros=0.2)
        hypotheses = decode(problem, beam(6, weight=2.0))
        for item, mixture in enumerate(problem.mixtures):
            live = [row for row in rows_of(hypotheses, item) if row is not None]
            for path, score in live:
                assert score == pytest.approx(path_score(problem, mixture, path, weight=2.0), abs=TOLERANCE)
            assert len({path for path, _ in live}) == len(live)


@pytest.mark.parametrize("sources", [2, 3])
def test_a_beam_as_wide_as_all_sequences_finds_every_one(sources: int) -> None:
    rng = np.random.default_rng(40 + sources)
    for _ in range(60):
        sizes = draw_sizes(rng, sources=sources, sequences=600)
        problem = draw_problem(rng, **sizes, zeros=float(rng.choice([0.0, 0.4])))
        everything = every_score(problem, problem.mixtures[0], weight=1.0)
        hypotheses = decode(problem, beam(sizes["codes"] ** (sources * sizes["length"]) + 3))
        live = dict(row for row in rows_of(hypotheses, 0) if row is not None)
        assert live.keys() == everything.keys()
        assert live == pytest.approx(everything, abs=TOLERANCE)
        if everything:
            best = max(everything, key=lambda path: everything[path])
            assert max(live, key=lambda path: live[path]) == best


def test_more_beams_than_continuations_leave_rows_empty_until_they_are_needed() -> None:
    """The published code stops with an error when the first code has fewer tuples than there are beams."""
    rng = np.random.default_rng(50)
    problem = draw_problem(rng, sources=2, codes=3, length=3)
    likelihood = np.full_like(problem.likelihood, -np.inf)
    likelihood[0, 1, 2] = likelihood[0, 2, 0] = -0.5  # two tuples, then one, then all
    likelihood[1, 0, 1] = -0.25
    likelihood[2] = np.log(1 / 3)
    problem = replace(problem, likelihood=likelihood, mixtures=np.array([[0, 1, 2], [1, 1, 1], [2, 0, 1]]))
    hypotheses = decode(problem, beam(8))
    assert [sum(row is not None for row in rows_of(hypotheses, item)) for item in range(3)] == [8, 1, 8]
    only = ((0, 1),) * 3
    assert_rows(rows_of(hypotheses, 1)[:1], [(only, path_score(problem, [1, 1, 1], only, weight=1.0))])
    first = decode(replace(problem, mixtures=problem.mixtures[:1, :2]), beam(8))
    assert sum(row is not None for row in rows_of(first, 0)) == 2


def test_where_every_sequence_is_impossible_no_hypothesis_is_left() -> None:
    never, always = -np.inf, 0.0
    after = np.array([[never, always], [always, never]])  # 0 never follows 0
    conditionals = [[np.log([0.5, 0.5]), after, np.zeros((2, 2, 2))]] * 2
    likelihood = np.full((2, 2, 2), never)
    likelihood[0, 0, 0] = likelihood[1, 1, 1] = -1.0
    problem = Problem(conditionals, likelihood, np.array([[0, 0, 0], [0, 1, 0]]))
    for settings in (GREEDY, beam(3)):
        hypotheses = decode(problem, settings)
        assert rows_of(hypotheses, 0) == [None] * settings.hypotheses
        assert [row is None for row in rows_of(hypotheses, 1)] == [False, True, True][: settings.hypotheses]
        assert hypotheses.codes.min() >= 0


class Forgetful(TablePrior):
    """Its hypotheses keep the pasts of other hypotheses."""

    def reorder(self, state: Any, rows: Tensor) -> None:
        """Give out the pasts in turn."""
        super().reorder(state, torch.arange(len(rows)) % len(state.prefixes))


def test_a_prior_that_is_not_reordered_is_noticed() -> None:
    """The toy priors would be of no use if wrong bookkeeping went unseen."""
    rng = np.random.default_rng(60)
    noticed = 0
    for _ in range(20):
        problem = draw_problem(rng, sources=2, codes=4, length=4)
        hypotheses = decode_sequences(
            CountedPositions(likelihood_of(problem), torch.from_numpy(problem.mixtures)),
            priors=[Forgetful(tables) for tables in problem.conditionals],
            decoder=open_decoder(beam(4)),
        )
        live = [row for row in rows_of(hypotheses, 0) if row is not None]
        true = [path_score(problem, problem.mixtures[0], path, weight=1.0) for path, _ in live]
        noticed += not np.allclose([score for _, score in live], true, atol=TOLERANCE)
    assert noticed >= 15


# --- one step ---


def step(prefixes: Tensor, *posteriors: Tensor) -> Step:
    """One step of as many mixtures as there are `posteriors` [W, n], with the same prefixes.

    The first source's codes name the tuples, the second has one code and says nothing.
    """
    sizes = [scores.shape[1] for scores in posteriors]
    first = [torch.nn.functional.pad(scores, (0, max(sizes) - scores.shape[1])) for scores in posteriors]
    tuples = [
        torch.stack([torch.arange(size), torch.zeros(size, dtype=torch.int64)], dim=1) for size in sizes
    ]
    slices = RaggedSlices(torch.cat(tuples), torch.zeros(sum(sizes)), torch.tensor([0, *accumulate(sizes)]))
    ranked = torch.stack(first) + prefixes[:, None]
    return best_continuations([ranked, torch.zeros_like(ranked)], slices, likelihood_weight=1.0)


def parents_of(best: Step) -> list[list[int]]:
    """The row that each continues."""
    assert best.parents is not None
    parents: list[list[int]] = best.parents.tolist()
    return parents


def test_one_step_by_hand() -> None:
    prefixes = torch.tensor([0.0, -1.0, -torch.inf])
    scores = torch.tensor([[-3.0, -0.25], [-0.5, -4.0], [0.0, 0.0]])  # [rows, tuples]
    best = step(prefixes, scores)
    # (row 0, tuple 1) -0.25; (row 1, tuple 0) -1.5; (row 0, tuple 0) -3 moves to the row that is free
    assert parents_of(best) == [[0, 1, 0]]
    assert best.codes[..., 0].tolist() == [[1, 0, 0]]
    assert best.scores.tolist() == [[-0.25, -1.5, -3.0]]


def test_slices_of_different_sizes() -> None:
    prefixes = torch.tensor([0.0, -1.0])
    best = step(
        prefixes, torch.tensor([[-1.0, -2.0, -0.5], [0.0, -9.0, -9.0]]), torch.tensor([[-5.0], [-1.0]])
    )
    assert parents_of(best) == [[0, 0], [0, 1]]
    assert best.codes[..., 0].tolist() == [[2, 0], [0, 0]]
    assert best.scores.tolist() == [[-0.5, -1.0], [-5.0, -2.0]]


def test_equal_continuations_in_the_order_of_rows_and_tuples() -> None:
    best = step(torch.zeros(2), torch.zeros(2, 3))
    assert parents_of(best) == [[0, 0]]
    assert best.codes[..., 0].tolist() == [[0, 1]]


def test_an_impossible_continuation_takes_no_row() -> None:
    prefixes = torch.tensor([0.0, -torch.inf, -torch.inf])
    best = step(prefixes, torch.tensor([[0.0, -1.0]]).expand(3, 2))
    assert parents_of(best) == [[0, 0, 2]]
    assert best.scores.tolist() == [[0.0, -1.0, -torch.inf]]


@pytest.mark.parametrize(
    ("parents", "rows"),
    [([2, 2, 0, 2], [2, 1, 0, 3]), ([3, 1, 1, 3], [3, 1, 0, 2]), ([0, 0, 0, 0], [0, 1, 2, 3])],
)
def test_rows_of_children(parents: list[int], rows: list[int]) -> None:
    """Children are listed best first; the row of each by hand."""
    values = -torch.arange(4.0)[None]
    one_tuple = RaggedSlices(torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1), torch.tensor([0, 1]))
    best = settle(values, torch.tensor([parents]), one_tuple)
    assert best.parents is not None
    assert [best.scores[0].tolist().index(-child) for child in range(4)] == rows
    assert best.parents[0, rows].tolist() == parents


@pytest.mark.parametrize("looked_at", [1, 5, 64])
def test_tuples_left_out_by_their_bounds_are_no_loss(monkeypatch: pytest.MonkeyPatch, looked_at: int) -> None:
    """Slices larger than what is looked at first: where the bounds leave a doubt, all tuples are."""
    monkeypatch.setattr("lass.separation.decoding.beam.LOOKED_AT", looked_at)
    rng = np.random.default_rng(70)
    for levels in (3, 1000):  # with many ties and with none
        for _ in range(100):
            width, codes = int(rng.integers(1, 6)), int(rng.integers(2, 12))
            tables = [
                torch.from_numpy(rng.integers(levels, size=(2, width, codes)) / 4).float() for _ in range(2)
            ]
            every = torch.cartesian_prod(torch.arange(codes), torch.arange(codes))
            log_likelihood = torch.from_numpy(rng.integers(levels, size=2 * len(every)) / 4).float()
            offsets = torch.tensor([0, len(every), 2 * len(every)])
            slices = RaggedSlices(every.repeat(2, 1), log_likelihood, offsets)
            found = best_continuations(tables, slices, likelihood_weight=1.0)
            for row, part in enumerate(log_likelihood.split(len(every))):
                total = part + tables[0][row][:, every[:, 0]] + tables[1][row][:, every[:, 1]]  # [W, n]
                order = total.flatten().argsort(descending=True, stable=True)[:width]
                expected = settle(total.flatten()[order][None], order[None], slices.only(row))
                assert found.parents is not None
                assert expected.parents is not None
                assert torch.equal(found.parents[row], expected.parents[0])
                assert torch.equal(found.codes[row], expected.codes[0])
                assert torch.equal(found.scores[row], expected.scores[0])
