"""Candidates: distinct hypotheses, the nearest remix first, never one that does not exist."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import nearest_counted
from lass.separation.decoding.decoders import open_decoder
from lass.separation.estimation.candidates import (
    decode_all,
    draw_candidates,
    first_of_each,
    remix_distances,
)
from lass.separation.likelihoods import ByCounts
from lass.separation.separator import Separator
from lass.separation.settings import DecoderSettings
from tests.oracles import Problem, TablePrior, draw_problem, path_score, paths_of
from tests.separation.toy import ancestral, beam, greedy, kind_of, likelihood_of, particle, top_k

LEVELS = torch.tensor([0.1, 0.3, 0.6, 1.0])  # a code's waveform is its level, twice
PARTICLE = particle(40, temperature=2.0, resampling=0.5)
ITEMS = [7, 3, 12, 5]


def encode(audio: Tensor) -> Tensor:
    return (audio[:, ::2, None] - LEVELS).abs().argmin(dim=-1)


def decode(codes: Tensor) -> Tensor:
    return LEVELS[codes].repeat_interleave(2, dim=1)


@pytest.fixture
def problem() -> Problem:
    return draw_problem(np.random.default_rng(0), sources=2, codes=4, length=3, batch=4)


def separator_of(
    problem: Problem, settings: DecoderSettings = PARTICLE, weights: tuple[float, ...] = ()
) -> Separator:
    table = likelihood_of(problem)
    return Separator(
        decode=decode,
        priors=[TablePrior(tables) for tables in problem.conditionals],
        likelihood=ByCounts(table, nearest_counted(table, LEVELS[:, None]), encode),
        length=problem.mixtures.shape[1],
        weights=torch.tensor(weights or [1 / problem.sources] * problem.sources),
        decoder=open_decoder(settings),
        seed=5,
    )


def mixtures_of(problem: Problem) -> Tensor:
    return decode(torch.from_numpy(problem.mixtures)) + 0.01


def distance(codes: Tensor, mixture: Tensor, weights: tuple[float, ...]) -> float:
    """||y - sum_n alpha_n D(z_n)||² / ||y||², number by number."""
    levels, error = LEVELS.tolist(), 0.0
    for place, value in enumerate(mixture.tolist()):
        remix = sum(w * levels[int(codes[n, place // 2])] for n, w in enumerate(weights))
        error += (remix - value) ** 2
    return float(error / sum(value**2 for value in mixture.tolist()))


def test_every_distinct_hypothesis_the_nearest_first(problem: Problem) -> None:
    weights = (0.7, 0.4)
    separator, mixtures = separator_of(problem, weights=weights), mixtures_of(problem)
    decoded = separator.hypotheses(mixtures, ITEMS)
    for row, one in enumerate(draw_candidates(separator, mixtures, ITEMS, kept=1000)):
        paths = list(paths_of(one.codes.transpose(1, 2)))
        assert len(set(paths)) == len(paths)
        alive = decoded.codes[row][torch.isfinite(decoded.scores[row])]
        assert set(paths) == set(paths_of(alive))
        assert 1 < len(paths) < 40  # some hypotheses repeat
        expected = [distance(codes, mixtures[row], weights) for codes in one.codes]
        np.testing.assert_allclose(one.remix_distance, expected, rtol=1e-4)
        assert (one.remix_distance.diff() >= 0).all()
        scores = [path_score(problem, problem.mixtures[row], path, weight=1.0) for path in paths]
        np.testing.assert_allclose(one.log_posterior, scores, atol=1e-4)
        assert one.uncounted == 0


@pytest.mark.parametrize("kept", [1, 2, 5])
def test_the_nearest_are_kept_and_the_most_probable(problem: Problem, kept: int) -> None:
    separator, mixtures = separator_of(problem), mixtures_of(problem)
    for some, every in zip(
        draw_candidates(separator, mixtures, ITEMS, kept=kept),
        draw_candidates(separator, mixtures, ITEMS, kept=1000),
        strict=True,
    ):
        assert len(some.codes) == len(some.log_posterior) == len(some.remix_distance)
        likeliest = int(every.log_posterior.argmax())
        rows = [*range(min(kept, len(every.codes))), *([likeliest] if likeliest >= kept else [])]
        assert torch.equal(some.codes, every.codes[rows])
        assert torch.equal(some.remix_distance, every.remix_distance[rows])
        assert torch.equal(some.log_posterior, every.log_posterior[rows])


@pytest.mark.parametrize(
    "settings",
    [PARTICLE, top_k(9, 4), beam(9), greedy()],
    ids=kind_of,
)
def test_a_mixture_has_the_same_candidates_in_any_batch(problem: Problem, settings: DecoderSettings) -> None:
    separator, mixtures = separator_of(problem, settings), mixtures_of(problem)
    together = draw_candidates(separator, mixtures, ITEMS, kept=6)
    order = [2, 0]
    mixed = draw_candidates(separator, mixtures[order], [12, 7], kept=6)
    alone = [draw_candidates(separator, mixtures[[row]], [ITEMS[row]], kept=6)[0] for row in range(4)]
    for found, expected in [*zip(mixed, (together[row] for row in order), strict=True),
                            *zip(alone, together, strict=True)]:  # fmt: skip
        assert torch.equal(found.codes, expected.codes)
        assert torch.equal(found.log_posterior, expected.log_posterior)
        assert torch.equal(found.remix_distance, expected.remix_distance)


def test_a_hypothesis_that_died_is_no_candidate() -> None:
    """Of the two first tuples one leads nowhere; only what follows the other is real."""
    after = np.log([[1e-300, 1.0], [1.0, 1e-300]])
    after[after < -600] = -np.inf  # 0 never follows 0, nor 1 after 1
    likelihood = np.full((4, 4, 4), -np.inf)
    likelihood[0, 0, 0] = likelihood[1, 0, 0] = likelihood[1, 1, 1] = -1.0
    first = np.array([np.log(0.5), np.log(0.5), -np.inf, -np.inf])
    second = np.full((4, 4), -np.inf)
    second[:2, :2] = after
    problem = Problem([[first, second]] * 2, likelihood, np.array([[1, 0]]))
    separator = separator_of(problem, ancestral(50))
    assert (separator.hypotheses(mixtures_of(problem), [3]).scores == -torch.inf).any()
    (found,) = draw_candidates(separator, mixtures_of(problem), [3], kept=9)
    assert found.codes.tolist() == [[[1, 0], [1, 0]]]
    assert torch.isfinite(found.log_posterior).all()


def test_a_mixture_without_any_hypothesis_is_named(problem: Problem) -> None:
    likelihood = np.full_like(problem.likelihood, -np.inf)
    likelihood[:, 0, 0] = 0.0
    never = [np.where(np.arange(4) == 0, -np.inf, table) for table in problem.conditionals[0]]
    impossible = replace(problem, conditionals=[never, never], likelihood=likelihood)
    with pytest.raises(ValueError, match=r"mixture 7: no hypothesis has a positive probability.*count more"):
        draw_candidates(separator_of(impossible), mixtures_of(problem), ITEMS, kept=3)


def test_uncounted_positions_are_those_of_the_mixture(problem: Problem) -> None:
    likelihood = problem.likelihood.copy()
    likelihood[1] = -np.inf
    problem = replace(problem, likelihood=likelihood, mixtures=np.array([[1, 0, 1], [3, 2, 0]]))
    found = draw_candidates(separator_of(problem), mixtures_of(problem), [0, 1], kept=2)
    assert [one.uncounted for one in found] == [2, 0]


def test_the_first_of_each_by_hand() -> None:
    hypotheses = torch.tensor([[[1, 2]], [[0, 5]], [[1, 2]], [[0, 5]], [[2, 1]], [[0, 5]]])  # [W, S = 1, N]
    assert first_of_each(hypotheses, torch.zeros(6, dtype=torch.int64)).tolist() == [0, 1, 4]
    assert first_of_each(hypotheses[:1], torch.zeros(1, dtype=torch.int64)).tolist() == [0]


def test_equal_codes_of_different_offsets_are_distinct() -> None:
    hypotheses = torch.tensor([[[1, 2]], [[1, 2]], [[1, 2]], [[0, 5]]])
    assert first_of_each(hypotheses, torch.tensor([0, 0, 2, 2])).tolist() == [0, 2, 3]


def test_the_first_of_each_by_plain_sets() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        hypotheses = torch.from_numpy(rng.integers(2, size=(int(rng.integers(1, 30)), 2, 2)))
        seen: dict[str, int] = {}
        for index, one in enumerate(hypotheses.tolist()):
            seen.setdefault(str(one), index)
        unmoved = torch.zeros(len(hypotheses), dtype=torch.int64)
        assert first_of_each(hypotheses, unmoved).tolist() == list(seen.values())


def test_distances_by_hand() -> None:
    """Remixes 0.5 * 0.1 + 0.25 * 1.0 and 0.5 * 0.6 + 0.25 * 0.3 against 0.4, twice each."""
    codes = torch.tensor([[[0], [3]], [[2], [1]]])
    data = decode_all(codes, decode)
    found = remix_distances(data, torch.tensor([0.4, 0.4]), weights=torch.tensor([0.5, 0.25]))
    np.testing.assert_allclose(found, [(0.1 / 0.4) ** 2, (0.025 / 0.4) ** 2], rtol=1e-4)


def test_codes_that_several_share_are_decoded_once() -> None:
    asked: list[int] = []

    def counted(codes: Tensor) -> Tensor:
        asked.append(len(codes))
        return decode(codes)

    codes = torch.tensor([[[0], [3]], [[3], [0]], [[0], [1]]])
    assert torch.equal(decode_all(codes, counted), decode(codes.flatten(0, 1)).unflatten(0, (3, 2)))
    assert asked == [3]


@pytest.mark.parametrize("change", [lambda x: x, Tensor.half], ids=["float32", "float16"])
def test_a_silent_mixture_and_low_precision_give_numbers(change: Callable[[Tensor], Tensor]) -> None:
    data = decode_all(torch.tensor([[[0], [3]]]), lambda codes: change(decode(codes)))
    found = remix_distances(data, torch.zeros(2), weights=torch.tensor([0.5, 0.5]))
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()


def test_what_candidates_decode_to_stays_with_them(problem: Problem) -> None:
    separator = separator_of(problem)
    for one in draw_candidates(separator, mixtures_of(problem), ITEMS, kept=3, with_data=True):
        assert one.data is not None
        assert torch.equal(one.data, decode_all(one.codes, decode))
    assert draw_candidates(separator, mixtures_of(problem), ITEMS, kept=3)[0].data is None
