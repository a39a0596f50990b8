"""Losses over the order of estimates, against all orders one by one."""

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor

from lass.models.errors import error_in_nepers, pairwise_errors
from lass.models.orders import best_cost, order_costs, sinkhorn, soft_minimum, soft_order, swap_price


def random_costs(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def enumerated(costs: Tensor) -> dict[tuple[int, ...], float]:
    """Every order of costs [N, N] with its mean cost, by loops."""
    sources = len(costs)
    return {
        order: sum(float(costs[n, order[n]]) for n in range(sources)) / sources
        for order in permutations(range(sources))
    }


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_the_loss_is_that_of_all_orders(sources: int) -> None:
    costs, temperature = random_costs(sources, sources), 0.3
    every = enumerated(costs)
    assert order_costs(costs).tolist() == pytest.approx(list(every.values()))
    weights = {order: math.exp(-cost / temperature) for order, cost in every.items()}
    expected = -temperature * math.log(sum(weights.values()) / len(weights))
    assert float(soft_minimum(costs, temperature=temperature)) == pytest.approx(expected)
    assert float(best_cost(costs)) == pytest.approx(min(every.values()))

    chances = soft_order(costs, temperature=temperature)
    total = sum(weights.values())
    for n in range(sources):
        for k in range(sources):
            share = sum(weight for order, weight in weights.items() if order[n] == k) / total
            assert float(chances[n, k]) == pytest.approx(share)


def test_cold_and_hot() -> None:
    costs = random_costs(3, 3)
    every = enumerated(costs).values()
    cold = float(soft_minimum(costs, temperature=1e-4))
    assert cold == pytest.approx(min(every), abs=1e-3)
    assert float(soft_minimum(costs, temperature=1e4)) == pytest.approx(sum(every) / 6, abs=1e-3)


def test_estimates_in_another_order_cost_the_same() -> None:
    costs = random_costs(5, 3, 3)
    turned = costs[:, [2, 0, 1]]
    torch.testing.assert_close(soft_minimum(turned, temperature=0.5), soft_minimum(costs, temperature=0.5))
    torch.testing.assert_close(best_cost(turned), best_cost(costs))


def test_two_sources_in_closed_form() -> None:
    """The mean over two sources halves the costs: Sinkhorn's matrix is that of orders at half of T."""
    costs = torch.tensor([[0.1, 0.9], [0.4, 0.2]], dtype=torch.float64)
    difference = 0.1 + 0.2 - 0.9 - 0.4
    expected = 1 / (1 + math.exp(difference / (2 * 0.25)))
    assert float(soft_order(costs, temperature=0.25)[0, 0]) == pytest.approx(expected)
    assert float(sinkhorn(costs, temperature=0.25)[0, 0]) == pytest.approx(expected)


def test_many_sources_are_scaled() -> None:
    costs = random_costs(2, 6, 6)
    chances = soft_order(costs, temperature=0.5)
    torch.testing.assert_close(chances.sum(dim=-1), torch.ones(2, 6, dtype=torch.float64))
    torch.testing.assert_close(chances.sum(dim=-2), torch.ones(2, 6, dtype=torch.float64))
    best = min(enumerated(costs[0]).values())
    assert float(soft_minimum(costs, temperature=0.05)[0]) == pytest.approx(best, abs=0.05)


def test_the_price_of_changing_places() -> None:
    straight, swapped = torch.eye(2), torch.eye(2).flip(0)
    assert float(swap_price(torch.stack([straight, straight, swapped, swapped]))) == pytest.approx(0.5)
    assert float(swap_price(torch.stack([swapped] * 4))) == 0


def test_everything_has_a_gradient() -> None:
    costs = random_costs(2, 4, 3, 3).requires_grad_()
    loss = soft_minimum(costs, temperature=0.1).mean() + swap_price(soft_order(costs, temperature=0.1)).mean()
    loss.backward()
    assert costs.grad is not None
    assert torch.isfinite(costs.grad).all()
    assert costs.grad.abs().max() > 0


def test_errors_of_every_pair() -> None:
    """Segment by segment by loops; on the diagonal of one segment it is the loss of Conv-TasNet."""
    generator = torch.Generator().manual_seed(0)
    sources = torch.randn(2, 2, 10, generator=generator)
    estimates, mixtures = torch.randn(2, 2, 10, generator=generator), sources.sum(dim=1)
    found = pairwise_errors(estimates, sources, mixtures, length=4)
    assert found.shape == (2, 2, 2, 2)
    for item in range(2):
        floor = 1e-3 * float(mixtures[item].square().mean()) + 1e-7
        for place in range(2):
            span = slice(4 * place, 4 * place + 4)
            for n in range(2):
                for k in range(2):
                    square = float((estimates[item, n, span] - sources[item, k, span]).square().mean())
                    expected = 0.5 * math.log(square + floor)
                    assert float(found[item, place, n, k]) == pytest.approx(expected, abs=1e-5)
    whole = pairwise_errors(estimates, sources, mixtures, length=99)
    assert whole.shape == (2, 1, 2, 2)
    straight = whole.diagonal(dim1=-2, dim2=-1).mean()
    torch.testing.assert_close(straight, error_in_nepers(estimates - sources, mixtures))
