"""Ancestral and top-k sampling: frequencies of many draws against the exact distribution of sequences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import chdtri

from lass.separation.decoding.sampling import pick_tuples
from lass.separation.settings import DecoderSettings
from tests.oracles import (
    Path,
    Problem,
    draw_problem,
    draw_sizes,
    greedy_path,
    path_score,
    paths_of,
    sampling_distribution,
    step_distribution,
)
from tests.separation.toy import ancestral, decode, draw_uniforms, rows_of, top_k

DRAWS = 20_000
FALSE_ALARM = 1e-6  # chance that a correct sampler exceeds the bound; the seeds are fixed


def assert_drawn_from(drawn: dict[Path, int], distribution: dict[Path, float]) -> None:
    """Pearson's chi-square test; sequences that are expected fewer than ten times are counted together."""
    assert sum(distribution.values()) == pytest.approx(1)
    assert drawn.keys() <= distribution.keys()  # nothing of probability zero
    total = sum(drawn.values())
    expected = np.array([total * probability for probability in distribution.values()])
    found = np.array([drawn.get(path, 0) for path in distribution])
    rare = expected < 10
    expected = np.append(expected[~rare], expected[rare].sum())
    found = np.append(found[~rare], found[rare].sum())
    possible = expected > 0
    statistic = ((found - expected)[possible] ** 2 / expected[possible]).sum()
    assert statistic < chdtri(max(1, possible.sum() - 1), FALSE_ALARM)


def draw_paths(problem: Problem, settings: DecoderSettings, *, seed: int) -> dict[Path, int]:
    """How often each sequence is among the W hypotheses of a problem's first mixture."""
    hypotheses = decode(problem, settings, draw_uniforms(problem, settings.hypotheses, seed=seed))
    distinct, counts = torch.unique(hypotheses.codes[0], dim=0, return_counts=True)
    return dict(zip(paths_of(distinct), counts.tolist(), strict=True))


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
@pytest.mark.parametrize("k", [None, 2, 5])
def test_frequencies_are_those_of_the_posterior(sources: int, temperature: float, k: int | None) -> None:
    rng = np.random.default_rng((sources, int(temperature * 10), k or 0))
    for seed in range(4):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources, sequences=5000))
        drawn = {"weight": 1.5, "temperature": temperature}
        settings = ancestral(DRAWS, **drawn) if k is None else top_k(DRAWS, k, **drawn)
        expected = sampling_distribution(
            problem, problem.mixtures[0], weight=1.5, temperature=temperature, top_k=k
        )
        assert_drawn_from(draw_paths(problem, settings, seed=seed), expected)


def test_the_bound_rejects_a_slightly_wrong_sampler() -> None:
    """A temperature of 1.1 in place of 1 is seen by the same test."""
    rng = np.random.default_rng(9)
    problem = draw_problem(rng, sources=2, codes=4, length=2)
    problem = replace(problem, likelihood=np.full((4, 4, 4), np.log(0.25)))
    drawn = draw_paths(problem, ancestral(DRAWS, temperature=1.1), seed=0)
    with pytest.raises(AssertionError):
        assert_drawn_from(drawn, sampling_distribution(problem, problem.mixtures[0], weight=1.0))


@pytest.mark.parametrize("sources", [2, 3])
def test_scores_do_not_depend_on_the_temperature(sources: int) -> None:
    """They are the posterior of the drawn codes, so that candidates can be compared by it."""
    rng = np.random.default_rng(70 + sources)
    for seed in range(60):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=2)
        drawn = {"weight": 2.0, "temperature": 4.0}
        settings = top_k(5, 3, **drawn) if seed % 2 else ancestral(5, **drawn)
        hypotheses = decode(problem, settings, draw_uniforms(problem, 5, seed=seed))
        for item, mixture in enumerate(problem.mixtures):
            for row in rows_of(hypotheses, item):
                assert row is not None
                assert row[1] == pytest.approx(path_score(problem, mixture, row[0], weight=2.0), abs=1e-4)


@pytest.mark.parametrize("sources", [2, 3])
def test_one_choice_and_no_temperature_are_greedy(sources: int) -> None:
    rng = np.random.default_rng(80 + sources)
    every: list[DecoderSettings] = [
        top_k(3, 1),
        ancestral(3, temperature=1e-9),
        top_k(3, 4, temperature=1e-308),
    ]
    for seed in range(60):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=2)
        for settings in every:
            hypotheses = decode(problem, settings, draw_uniforms(problem, 3, seed=seed))
            for item, mixture in enumerate(problem.mixtures):
                path, _ = greedy_path(problem, mixture, weight=1.0)
                assert list(paths_of(hypotheses.codes[item])) == [path] * 3


def test_impossible_tuples_are_never_drawn() -> None:
    """With every extreme number a generator can give, beside a thousand ordinary ones."""
    rng = np.random.default_rng(90)
    extremes = [0.0, 5e-324, 2.0**-53, 0.5, 1 - 2.0**-53]
    uniforms = torch.from_numpy(np.concatenate([extremes, rng.random(1000)]))
    for size in (1, 2, 7, 300):
        for _ in range(20):
            scores = rng.normal(size=size) * 10
            scores[rng.random(size) < 0.5] = -np.inf
            scores[rng.integers(size)] = -1.0
            rows = torch.from_numpy(scores).float().expand(len(uniforms), -1)
            for best in (None, 1, 3, size + 1):
                picked = pick_tuples(rows, uniforms, temperature=1.0, top_k=best).places
                assert np.isfinite(scores[picked]).all()


def test_top_k_draws_among_the_k_best_only() -> None:
    scores = torch.tensor([0.0, 3.0, 1.0, 2.0]).expand(1000, 4)
    uniforms = torch.linspace(0, 1, 1001, dtype=torch.float64)[:-1]
    for k, allowed in ((1, {1}), (2, {1, 3}), (3, {1, 2, 3}), (4, {0, 1, 2, 3}), (9, {0, 1, 2, 3})):
        picked = pick_tuples(scores, uniforms, temperature=1.0, top_k=k).places
        assert set(picked.tolist()) == allowed
        shares = step_distribution([0.0, 3.0, 1.0, 2.0], temperature=1.0, top_k=k)
        np.testing.assert_allclose(np.bincount(picked, minlength=4) / 1000, shares, atol=2e-3)


def test_draws_of_hypotheses_are_their_own() -> None:
    """A hypothesis depends on its own numbers alone, not on how many others there are."""
    rng = np.random.default_rng(91)
    problem = draw_problem(rng, sources=2, codes=4, length=4, batch=3)
    uniforms = draw_uniforms(problem, 8, seed=0)
    together = decode(problem, ancestral(8), uniforms)
    for column in range(8):
        alone = decode(problem, ancestral(1), uniforms[:, :, column : column + 1])
        assert torch.equal(alone.codes[:, 0], together.codes[:, column])
        assert torch.equal(alone.scores[:, 0], together.scores[:, column])


def test_a_dead_end_is_no_hypothesis() -> None:
    """Where the drawn past allows no counted tuple, the score says so."""
    after = np.log([[1e-300, 1.0], [1.0, 1e-300]])
    after[after < -600] = -np.inf  # 0 never follows 0, nor 1 after 1
    likelihood = np.full((2, 2, 2), -np.inf)
    likelihood[0, 0, 0] = likelihood[1, 0, 0] = likelihood[1, 1, 1] = -1.0
    problem = Problem([[np.log([0.5, 0.5]), after]] * 2, likelihood, np.array([[1, 0]]))
    hypotheses = decode(problem, ancestral(50), draw_uniforms(problem, 50, seed=3))
    dead = hypotheses.codes[0, :, 0, 0] == 0
    assert 0 < dead.sum() < 50
    assert torch.equal(hypotheses.scores[0] == -torch.inf, dead)
