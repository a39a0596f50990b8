"""Particles: systematic resampling by itself, and weighted sequences against sums over all sequences."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.separation.decoding.particles import effective_size, keep_places, resample
from lass.separation.decoding.state import Hypotheses
from lass.separation.settings import DecoderSettings
from tests.oracles import Path, Problem, draw_problem, every_score, path_score, paths_of
from tests.separation.toy import ancestral, decode, draw_uniforms, draws_of, particle

WEIGHT = 1.5  # of the likelihood, in all problems of whole sequences
EXTREMES = [0.0, 5e-324, 2.0**-53, 0.5, 1 - 2.0**-53]  # of what a generator of [0, 1) can give


def draw_weights(rng: np.random.Generator, *, batch: int, width: int, dead: float = 0.2) -> Tensor:
    """Log-weights [B, W], some of dead particles."""
    weights = rng.normal(size=(batch, width)) * 2 - 50
    weights[rng.random((batch, width)) < dead] = -np.inf
    weights[np.arange(batch), rng.integers(width, size=batch)] = -50.0  # one at least is alive
    return torch.from_numpy(weights)


def copies_of(parents: Tensor) -> Tensor:
    """How often each particle appears [B, W]."""
    return torch.stack([torch.bincount(row, minlength=len(row)) for row in parents])


# --- resampling ---


def test_effective_sizes_by_hand() -> None:
    shares = torch.tensor([[0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.5, 0.25, 0.25, 0.0]])
    found = effective_size(shares.double().log() - 700)  # the scale does not matter
    np.testing.assert_allclose(found, [4.0, 1.0, 2.0, 1 / 0.375])


def test_a_resampling_by_hand() -> None:
    """Shares 0.1, 0.5, 0, 0.4 and the points 0.05, 0.30, 0.55, 0.80: one, two, none and one copy."""
    weights = torch.tensor([[0.1, 0.5, 0.0, 0.4]], dtype=torch.float64).log() + 3
    found = resample(weights, torch.tensor([0.2]), threshold=1.0)
    assert found.parents.tolist() == [[0, 1, 1, 3]]
    np.testing.assert_allclose(found.log_weights, np.full((1, 4), 3 - math.log(4)))
    later = resample(weights, torch.tensor([0.7]), threshold=1.0)  # 0.175, 0.425, 0.675, 0.925
    assert later.parents.tolist() == [[1, 1, 3, 3]]


def test_copies_are_within_one_of_their_expectation_and_right_on_average() -> None:
    rng = np.random.default_rng(0)
    for width in (1, 2, 3, 8, 50):
        weights = draw_weights(rng, batch=5, width=width)
        expected = width * (weights - weights.logsumexp(dim=1, keepdim=True)).exp()
        grid = (np.arange(100) + rng.random()) / 100
        total = torch.zeros_like(expected)
        for number in grid:
            found = resample(weights, torch.full((5,), number), threshold=1.0)
            copies = copies_of(found.parents)
            assert ((copies - expected).abs() < 1 + 1e-9).all()
            assert (copies[weights == -torch.inf] == 0).all()
            total += copies
        np.testing.assert_allclose(total / 100, expected, atol=2e-2)


def test_survivors_keep_their_places() -> None:
    rng = np.random.default_rng(1)
    for width in (2, 5, 30):
        weights = draw_weights(rng, batch=50, width=width)
        found = resample(weights, torch.from_numpy(rng.random(50)), threshold=1.0)
        copies = copies_of(found.parents)
        stay = found.parents == torch.arange(width)
        assert torch.equal(stay, copies > 0)


def test_places_by_hand() -> None:
    copies = torch.tensor([[2, 0, 1, 0, 2], [1, 1, 1, 1, 1], [0, 0, 5, 0, 0]])
    assert keep_places(copies).tolist() == [[0, 0, 2, 4, 4], [0, 1, 2, 3, 4], [2, 2, 2, 2, 2]]


def test_the_weight_of_a_mixture_is_kept_and_shared_out() -> None:
    rng = np.random.default_rng(2)
    weights = draw_weights(rng, batch=30, width=9)
    found = resample(weights, torch.from_numpy(rng.random(30)), threshold=1.0)
    assert found.moved.all()
    torch.testing.assert_close(found.log_weights.logsumexp(dim=1), weights.logsumexp(dim=1))
    assert (found.log_weights == found.log_weights[:, :1]).all()


def test_only_mixtures_below_the_threshold_are_resampled() -> None:
    """Effective sizes 4, 2 and 1 of 4, and particles that are all dead: as they were, to the last bit."""
    shares = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0] * 4])
    weights = shares.double().log()
    uniforms = torch.full((4,), 0.3)
    for threshold, moved in ((1.0, [1, 2]), (0.6, [1, 2]), (0.5, [2]), (0.3, [2]), (0.25, [])):
        found = resample(weights, uniforms, threshold=threshold)
        assert found.moved.nonzero()[:, 0].tolist() == moved
        for row in set(range(4)) - set(moved):
            assert found.parents[row].tolist() == [0, 1, 2, 3]
            assert torch.equal(found.log_weights[row], weights[row])
        assert not found.log_weights.isnan().any()


@pytest.mark.parametrize("width", [1, 3, 512])
def test_no_number_brings_back_the_dead(width: int) -> None:
    weights = draw_weights(np.random.default_rng(3), batch=len(EXTREMES), width=width, dead=0.7)
    weights[:, -1] = weights[:, 0] = -torch.inf
    weights[:, width // 2] = -50.0
    found = resample(weights, torch.tensor(EXTREMES, dtype=torch.float64), threshold=1.0)
    assert torch.isfinite(weights.gather(1, found.parents)).all()


@pytest.mark.parametrize("width", [4, 100])
def test_a_mixture_is_resampled_alike_in_any_batch(width: int) -> None:
    rng = np.random.default_rng(4)
    weights, uniforms = draw_weights(rng, batch=12, width=width), torch.from_numpy(rng.random(12))
    weights[::2] = torch.from_numpy(rng.normal(size=(6, width))) / 10
    together = resample(weights, uniforms, threshold=0.6)
    assert not together.moved[::2].any()
    assert together.moved[1::2].any()
    for rows in ([0], [11], [7, 2], [1, 2, 3, 4, 5, 6]):
        part = resample(weights[rows], uniforms[rows], threshold=0.6)
        assert torch.equal(part.parents, together.parents[rows])
        assert torch.equal(part.log_weights, together.log_weights[rows])


# --- whole sequences ---


def repeat(problem: Problem, times: int) -> Problem:
    """The problem's first mixture, many times over: as many independent runs."""
    return replace(problem, mixtures=np.repeat(problem.mixtures[:1], times, axis=0))


def run(problem: Problem, settings: DecoderSettings, *, seed: int) -> Hypotheses:
    return decode(problem, settings, draw_uniforms(problem, draws_of(settings), seed=seed))


@cache
def draw_tangled(sources: int, seed: int) -> Problem:
    """Priors with many impossible sequences: particles run into dead ends, and weights become uneven."""
    sizes = {2: {"codes": 3, "length": 4}, 3: {"codes": 2, "length": 4}}[sources]
    rng = np.random.default_rng((sources, seed))
    while True:
        problem = draw_problem(rng, sources=sources, **sizes, zeros=0.4)
        if len(every_score(problem, problem.mixtures[0], weight=WEIGHT)) > 20:
            return problem


@cache
def tangled_scores(sources: int, seed: int) -> dict[Path, float]:
    """Every sequence of the first mixture of `draw_tangled`, with its score."""
    problem = draw_tangled(sources, seed)
    return every_score(problem, problem.mixtures[0], weight=WEIGHT)


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("resampling", [0.5, 1.0])
def test_the_normaliser_is_estimated_without_bias(
    sources: int, temperature: float, resampling: float
) -> None:
    """The mean of many runs is the sum over all sequences of prior times likelihood, of few particles too."""
    for seed, width in ((0, 3), (1, 20)):
        problem = draw_tangled(sources, seed)
        exact = np.logaddexp.reduce(list(tangled_scores(sources, seed).values()))
        settings = particle(width, temperature=temperature, resampling=resampling, weight=WEIGHT)
        found = run(repeat(problem, 600), settings, seed=seed)
        ratios = (found.log_weights.logsumexp(dim=1) - math.log(width) - exact).exp()
        error = float(ratios.std()) / math.sqrt(len(ratios))
        assert 1e-3 < error < 0.1  # there is something to estimate, and the estimate says something
        assert abs(float(ratios.mean()) - 1) < 4 * error


def test_an_island_is_a_filter_of_its_own() -> None:
    """Every island estimates the normaliser without bias, and no hypothesis leaves it."""
    problem = draw_tangled(2, 0)
    exact = np.logaddexp.reduce(list(tangled_scores(2, 0).values()))
    settings = particle(12, islands=4, resampling=1.0, weight=WEIGHT)
    found = run(repeat(problem, 400), settings, seed=3)
    each = (found.log_weights.unflatten(1, (4, 3)).logsumexp(dim=2) - math.log(3) - exact).exp()  # [B, G]
    error = each.std(dim=0) / math.sqrt(len(each))
    assert (abs(each.mean(dim=0) - 1) < 4 * error).all()
    correlations = np.corrcoef(each.T.numpy()) - np.eye(4)
    assert np.abs(correlations).max() < 0.2  # 4 standard errors of 400 independent pairs


def test_islands_are_of_equal_size() -> None:
    with pytest.raises(ValueError, match="16 hypotheses cannot be parted into 3 islands"):
        particle(16, islands=3)


def distance_to_posterior(sources: int, settings: DecoderSettings, *, seed: int) -> float:
    """Total variation between the weighted hypotheses and the exact posterior of sequences."""
    problem, scores = draw_tangled(sources, 10 + seed), tangled_scores(sources, 10 + seed)
    exact = np.exp(np.array(list(scores.values())) - np.logaddexp.reduce(list(scores.values())))
    found = run(problem, settings, seed=seed)
    alive = torch.isfinite(found.scores[0])
    weights = found.log_weights[0, alive]
    distinct, group = torch.unique(found.codes[0, alive], dim=0, return_inverse=True)
    mass = torch.zeros(len(distinct), dtype=torch.float64).index_add_(0, group, weights.softmax(dim=0))
    drawn = dict(zip(paths_of(distinct), mass.tolist(), strict=True))
    assert drawn.keys() <= scores.keys()
    return float(np.abs(np.array([drawn.get(path, 0.0) for path in scores]) - exact).sum() / 2)


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_weighted_particles_approach_the_posterior(sources: int, temperature: float) -> None:
    for seed in range(3):
        few, many = (
            distance_to_posterior(
                sources, particle(width, temperature=temperature, resampling=0.5, weight=WEIGHT), seed=seed
            )
            for width in (100, 20_000)
        )
        assert many < 0.06
        assert many < few / 4


def test_sequences_drawn_position_by_position_do_not() -> None:
    """What particles are for, on the same problems."""
    settings = ancestral(20_000, weight=WEIGHT)
    assert all(distance_to_posterior(2, settings, seed=seed) > 0.1 for seed in range(3))


@pytest.mark.parametrize("sources", [2, 3])
def test_scores_follow_the_particles_that_were_copied(sources: int) -> None:
    for seed in range(8):
        problem = draw_tangled(sources, 20 + seed)
        settings = particle(6, temperature=0.7, resampling=1.0, weight=WEIGHT)
        found = run(problem, settings, seed=seed)
        for path, score in zip(paths_of(found.codes[0]), found.scores[0].tolist(), strict=True):
            if score > -math.inf:
                expected = path_score(problem, problem.mixtures[0], path, weight=WEIGHT)
                assert score == pytest.approx(expected, abs=1e-4)


def test_dead_particles_give_their_places_to_others() -> None:
    """Half of the first draws lead nowhere: resampled, every hypothesis is real; the drawn ones are not."""
    after = np.log([[1e-300, 1.0], [1.0, 1e-300]])
    after[after < -600] = -np.inf  # 0 never follows 0, nor 1 after 1
    likelihood = np.full((2, 2, 2), -np.inf)
    likelihood[0, 0, 0] = likelihood[1, 0, 0] = likelihood[1, 1, 1] = -1.0
    problem = Problem([[np.log([0.5, 0.5]), after]] * 2, likelihood, np.array([[1, 0]]))
    drawn = run(problem, ancestral(50), seed=3)
    assert 0 < (drawn.scores == -torch.inf).sum() < 50
    found = run(problem, particle(50, resampling=0.99), seed=3)
    assert torch.isfinite(found.scores).all()
    assert found.codes[0, :, 0].eq(1).all()
    assert found.codes[0, :, 1].eq(0).all()


def test_where_all_particles_die() -> None:
    """-inf and no NaN; another mixture of the batch is not affected."""
    problem = draw_tangled(2, 0)
    never = [*problem.conditionals[0][:-1], np.full_like(problem.conditionals[0][-1], -np.inf)]
    dead = replace(problem, conditionals=[never, problem.conditionals[1]])
    found = run(dead, particle(5, resampling=0.7), seed=0)
    assert (found.scores == -torch.inf).all()
    assert (found.log_weights == -torch.inf).all()
