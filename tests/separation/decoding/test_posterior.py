"""The posterior of one position against a dense array over every tuple."""

import numpy as np
import pytest
import torch

from lass.separation.decoding.posterior import joint_log_posteriors
from tests.oracles import draw_likelihood, draw_problem, step_score, tuples_of
from tests.separation.toy import likelihood_of


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_support_and_values_equal_a_dense_sum(sources: int, weight: float) -> None:
    rng = np.random.default_rng(sources)
    for _ in range(50):
        codes, batch, width = int(rng.integers(2, 5)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
        problem = draw_problem(rng, sources=sources, codes=codes, length=1)
        priors = rng.normal(size=(sources, batch, width, codes))
        mixture = rng.integers(codes, size=batch)
        slices = likelihood_of(problem).slices(torch.from_numpy(mixture))
        tables = list(torch.from_numpy(priors).float())
        found = joint_log_posteriors(tables, slices, likelihood_weight=weight)
        dense = np.full((batch, width, *[codes] * sources), -np.inf)
        dense[slices.row, :, *slices.tuples.T] = torch.cat(list(found), dim=1).T
        for item in range(batch):
            expected = (
                weight * np.where(np.isfinite(problem.likelihood), problem.likelihood, 0)[mixture[item]]
            )
            expected = np.where(np.isfinite(problem.likelihood[mixture[item]]), expected, -np.inf)
            expected = np.broadcast_to(expected, dense[item].shape).copy()
            for source in range(sources):
                shape = [width] + [codes if n == source else 1 for n in range(sources)]
                expected += priors[source, item].reshape(shape)
            np.testing.assert_allclose(dense[item], expected, rtol=1e-5, atol=1e-5)


def test_a_position_by_hand() -> None:
    """Two codes, two sources: log p_1 + log p_2 + 2 log p(m | z) of the two tuples that m = 1 allows."""
    problem = draw_problem(np.random.default_rng(0), sources=2, codes=2, length=1)
    table = np.full((2, 2, 2), -np.inf)
    table[1, 0, 1], table[1, 1, 0], table[0, 0, 0] = np.log([0.5, 0.25, 1.0])
    problem = type(problem)([[np.log([0.9, 0.1])], [np.log([0.6, 0.4])]], table, problem.mixtures)
    slices = likelihood_of(problem).slices(torch.tensor([1]))
    tables = [torch.tensor([[[0.9, 0.1]]]).log(), torch.tensor([[[0.6, 0.4]]]).log()]
    (found,) = joint_log_posteriors(tables, slices, likelihood_weight=2.0)
    assert slices.tuples.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_allclose(found[0].exp(), [0.9 * 0.4 * 0.5**2, 0.1 * 0.6 * 0.25**2], rtol=1e-6)
    scores = [step_score(problem, 1, (), z, weight=2.0) for z in tuples_of(problem, 1)]
    np.testing.assert_allclose(found[0], scores, rtol=1e-6)


def test_an_impossible_code_has_no_posterior() -> None:
    problem = draw_problem(np.random.default_rng(1), sources=2, codes=3, length=1)
    slices = likelihood_of(problem).slices(torch.tensor([0, 1, 2]))
    never = torch.tensor([0.0, -torch.inf, 0.0]).expand(3, 2, 3)
    found = joint_log_posteriors([never, torch.zeros(3, 2, 3)], slices, likelihood_weight=1.0)
    assert torch.equal(torch.cat(list(found), dim=1)[0] == -torch.inf, slices.tuples[:, 0] == 1)


def test_toy_likelihoods_have_slices_of_all_sizes() -> None:
    """The generator of toy problems gives single tuples, whole squares and sizes between, in one table."""
    rng = np.random.default_rng(2)
    sizes = [set(np.isfinite(draw_likelihood(rng, sources=2, codes=4)).sum((1, 2))) for _ in range(100)]
    assert any({1, 16} <= found for found in sizes)
    assert {1, 2, 4, 16} <= set.union(*sizes)
