"""Sources of many modes, where the best estimates are found by enumeration and guidance may go astray."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.methods.diffusion.oracles import Templates, decibels, draw_templates
from tests.methods.diffusion.runs import estimate

MIXTURES = 24
WAVE = {"wave": 1.0, "pieces": 0.0, "spectrum": 0.0}


@cache
def problem(sources: int) -> tuple[Templates, Tensor, Tensor]:
    oracle = draw_templates(sources=sources, number={2: 24, 3: 12}[sources])
    return (oracle, *oracle.draw(np.random.default_rng(0), MIXTURES))


@cache
def best(sources: int) -> float:
    oracle, truth, mixtures = problem(sources)
    return decibels(truth, oracle.expected(mixtures))


def quality(sources: int, **solver: Any) -> float:
    oracle, truth, mixtures = problem(sources)
    return decibels(truth, estimate(oracle.priors, mixtures, **solver))


def test_enumeration_leaves_what_the_templates_do_not_say() -> None:
    """Noise of 0.02 each, of which half of the sum is wrong: 10 log10(0.01 / 0.0002) = 17 dB."""
    assert best(2) == pytest.approx(17.0, abs=0.5)
    assert best(3) == pytest.approx(10 * np.log10(0.01 / (0.0004 * 2 / 3)), abs=0.5)


@pytest.mark.parametrize("sources", [2, 3])
def test_solvers_from_the_mixture_are_as_good_as_enumeration(sources: int) -> None:
    """Within 0.3 dB; one product is a little worse, as is noise that the sources do not share."""
    flow: dict[str, Any] = {"kind": "ode", "steps": 50}
    assert quality(sources, **flow, guidance="exact", products=8) > best(sources) - 0.3
    assert quality(sources, **flow, guidance="pigdm") > best(sources) - 1
    assert quality(sources, **flow, start="noise", noise="independent") < best(sources) - 2
    assert quality(sources, kind="proximal", steps=100, eta=0.3) > best(sources) - 0.3


@pytest.mark.parametrize("sources", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_published_order_of_strengths(sources: int) -> None:
    """The published claim: moves that never fall below a floor, above moves in proportion to the noise."""
    scores = {
        guidance: quality(sources, kind="ancestral", guidance=guidance, losses=WAVE)
        for guidance in ("dps", "dsg", "hybrid")
    }
    assert sorted(scores, key=scores.__getitem__) == ["dps", "dsg", "hybrid"]
    assert scores["hybrid"] > scores["dps"] + 2


def test_estimates_that_add_up_are_better_than_the_published_ones() -> None:
    solver: dict[str, Any] = {"kind": "ancestral", "guidance": "hybrid", "losses": WAVE}
    assert quality(2, **solver, consistency="equal") > quality(2, **solver) + 0.3


def test_corrections_without_a_gradient_serve_two_sources_alone() -> None:
    solver: dict[str, Any] = {"kind": "ancestral", "guidance": "undiff"}
    assert quality(2, **solver) > 10
    assert quality(3, **solver) < 5


def test_one_constrained_source_fails_among_three() -> None:
    """And is the same as the symmetric constraint among two; without noise, that one works among three."""
    flow: dict[str, Any] = {"kind": "ode", "steps": 50}
    assert quality(2, **flow, guidance="dirac", noise="independent") > best(2) - 0.1
    for chosen in range(3):
        assert quality(3, **flow, guidance="dirac", noise="independent", constrained=chosen) < 8
    assert quality(3, **flow, guidance="symmetric", noise="none") > best(3) - 0.1
    oracle, _, mixtures = problem(2)
    pair = [
        estimate(oracle.priors, mixtures, **flow, guidance=guidance, noise="none", integrator="heun")
        for guidance in ("dirac", "symmetric")
    ]
    torch.testing.assert_close(pair[0], pair[1])


def test_sources_of_one_prior_part_by_noise_of_their_own() -> None:
    two, _, _ = problem(2)
    oracle = replace(two, templates=two.templates[:1].expand(2, -1, -1))
    truth, mixtures = oracle.draw(np.random.default_rng(0), MIXTURES)
    priors = replace(oracle.priors, alike=True)
    found = estimate(priors, mixtures, kind="proximal", steps=50)
    swapped = (found.flip(1) - truth).square().sum(dim=(1, 2)) < (found - truth).square().sum(dim=(1, 2))
    ordered = torch.where(swapped[:, None, None], found.flip(1), found)
    assert 0 < int(swapped.sum()) < MIXTURES
    assert decibels(truth, ordered) > 16.5
    same = estimate(oracle.priors, mixtures, kind="proximal", steps=50)  # not told that they are alike
    torch.testing.assert_close(same[:, 0], same[:, 1])
