"""The samplers' decisions, draw by draw, against plain Python on hundreds of toy problems each."""

from dataclasses import dataclass
from math import exp, inf, log
from typing import Any

import numpy as np
import pytest

from lass.separation.settings import Ancestral, TopK
from lass.separation.settings import Particle as ParticleFilter
from tests.oracles import Path, Problem, draw_problem, draw_sizes, step_score, tuples_of
from tests.separation import toy
from tests.separation.toy import decode, draw_uniforms, draws_of, rows_of

Sampler = Ancestral | TopK | ParticleFilter

PROBLEMS = 200  # for two sources, and as many for three


@dataclass
class Particle:
    """One hypothesis as plain numbers."""

    path: Path = ()
    score: float = 0.0
    log_weight: float = 0.0


def draw_tuple(particle: Particle, problem: Problem, code: int, number: float, settings: Sampler) -> Particle:
    """The particle after the tuple that `number` falls into; the best first where only some may be drawn."""
    options = tuples_of(problem, code)
    scores = [step_score(problem, code, particle.path, z, weight=settings.likelihood_weight) for z in options]
    order = list(range(len(options)))
    if isinstance(settings, TopK):
        order = sorted(order, key=lambda place: -scores[place])[: settings.top_k]
    peak = max(scores)
    if peak == -inf:
        return Particle((*particle.path, options[-1]), -inf, -inf)
    masses = [exp((scores[place] - peak) / settings.temperature) for place in order]
    passed = [sum(masses[: end + 1]) > number * sum(masses) for end in range(len(masses))]
    chosen = passed.index(True)
    place, log_share = order[chosen], log(masses[chosen] / sum(masses))
    return Particle(
        (*particle.path, options[place]),
        particle.score + scores[place],
        particle.log_weight + scores[place] - log_share,
    )


def resample(particles: list[Particle], number: float, threshold: float) -> list[Particle]:
    """Systematic resampling: survivors stay in place, copies fill the other places in order."""
    width, weights = len(particles), np.array([particle.log_weight for particle in particles])
    if weights.max() == -inf:
        return particles
    shares = np.exp(weights - weights.max())
    shares /= shares.sum()
    if 1 / (shares**2).sum() >= threshold * width:
        return particles
    edges = np.cumsum(shares)
    copies = [0] * width
    for row in range(width):
        copies[min(int((edges <= (number + row) / width).sum()), width - 1)] += 1
    spare = [parent for parent in range(width) for _ in range(copies[parent] - 1)]
    parents = [row if copies[row] else spare.pop(0) for row in range(width)]
    equal = float(np.log(np.exp(weights - weights.max()).sum()) + weights.max() - log(width))
    return [Particle(particles[parent].path, particles[parent].score, equal) for parent in parents]


def drawn(problem: Problem, mixture: np.ndarray, numbers: np.ndarray, settings: Sampler) -> list[Particle]:
    """The hypotheses that the numbers [S, draws] decide."""
    particles = [Particle() for _ in range(settings.hypotheses)]
    for code, row in zip(mixture, numbers, strict=True):
        particles = [
            draw_tuple(particle, problem, int(code), number, settings)
            for particle, number in zip(particles, row, strict=False)
        ]
        if isinstance(settings, ParticleFilter):
            size = settings.hypotheses // settings.islands
            islands = [particles[first : first + size] for first in range(0, len(particles), size)]
            particles = [
                particle
                for island, number in zip(islands, row[settings.hypotheses :], strict=True)
                for particle in resample(island, number, settings.resampling)
            ]
    return particles


def draw_settings(rng: np.random.Generator, kind: str) -> Sampler:
    """A sampler of random sizes."""
    shared: dict[str, Any] = {
        "hypotheses": int(rng.integers(1, 7)),
        "weight": float(rng.choice([0.0, 1.0, 3.0])),
        "temperature": float(rng.choice([0.5, 1.0, 2.0])),
    }
    if kind == "top_k":
        return toy.top_k(k=int(rng.integers(1, 20)), **shared)
    if kind == "particle":
        islands = int(rng.integers(1, 4))
        shared["hypotheses"] *= islands
        return toy.particle(resampling=float(rng.choice([0.3, 0.7, 1.0])), islands=islands, **shared)
    return toy.ancestral(**shared)


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("kind", ["ancestral", "top_k", "particle"])
def test_every_decision_is_that_of_plain_lists(kind: str, sources: int) -> None:
    rng = np.random.default_rng((sources, len(kind)))
    resampled = 0
    for seed in range(PROBLEMS):
        problem = draw_problem(rng, **draw_sizes(rng, sources=sources), batch=2)
        settings = draw_settings(rng, kind)
        uniforms = draw_uniforms(problem, draws_of(settings), seed=seed)
        hypotheses = decode(problem, settings, uniforms)
        for item, mixture in enumerate(problem.mixtures):
            expected = drawn(problem, mixture, uniforms[item].numpy(), settings)
            found = rows_of(hypotheses, item)
            assert [row and row[0] for row in found] == [
                particle.path if particle.score > -inf else None for particle in expected
            ]
            scores = [particle.score for particle in expected]
            np.testing.assert_allclose(hypotheses.scores[item], scores, atol=1e-4)
            if kind == "particle":
                weights = [particle.log_weight for particle in expected]
                np.testing.assert_allclose(hypotheses.log_weights[item], weights, atol=1e-4)
                resampled += len({round(weight, 6) for weight in weights}) == 1
    assert kind != "particle" or resampled > PROBLEMS / 10
