"""Losses over the order of estimates, where nothing tells the sources apart: differentiable in the estimates.

Costs say how far estimate n is from source k. A soft order is a matrix P of chances that estimate n stands
for source k. The public abstract (arXiv 2402.06683) has "a new differentiable permutation loss" and no
equation; this one is ours: a soft minimum over orders (as in Prob-PIT, Yousefi et al. 2019), with a price for
changing one's mind.
"""

from itertools import permutations

import torch
from torch import Tensor

ENUMERATED = 4
"""Sources up to which all orders are weighed; beyond, a Sinkhorn iteration scales the matrix of costs."""
SWEEPS = 100


def order_costs(costs: Tensor) -> Tensor:
    """Mean cost [..., N!] of each order of costs [..., N, N], in the order of `itertools.permutations`."""
    sources = costs.shape[-1]
    orders = torch.tensor(list(permutations(range(sources))), device=costs.device)  # [N!, N]
    return costs[..., torch.arange(sources, device=costs.device), orders].mean(dim=-1)


def soft_minimum(costs: Tensor, *, temperature: float) -> Tensor:
    """-T ln of the mean over orders of exp(-cost / T): [...] of costs [..., N, N].

    The cost of the best order as the temperature goes to 0, the mean over orders as it goes to infinity.
    Beyond `ENUMERATED` sources the mean cost under `soft_order` stands for it.
    """
    if costs.shape[-1] > ENUMERATED:
        return (soft_order(costs, temperature=temperature) * costs).sum(dim=(-2, -1)) / costs.shape[-1]
    every = order_costs(costs)
    logs = torch.logsumexp(-every / temperature, dim=-1) - torch.log(every.new_tensor(every.shape[-1]))
    return -temperature * logs


def soft_order(costs: Tensor, *, temperature: float) -> Tensor:
    """Chances [..., N, N] that estimate n stands for source k; rows and columns sum to 1."""
    sources = costs.shape[-1]
    if sources > ENUMERATED:
        return sinkhorn(costs, temperature=temperature)
    weights = (-order_costs(costs) / temperature).softmax(dim=-1)  # [..., N!]
    orders = torch.tensor(list(permutations(range(sources))), device=costs.device)
    matrices = torch.nn.functional.one_hot(orders, sources).to(costs)  # [N!, N, N]
    return torch.einsum("...p,pnk->...nk", weights, matrices)


def sinkhorn(costs: Tensor, *, temperature: float, sweeps: int = SWEEPS) -> Tensor:
    """exp(-costs / temperature) with rows and columns scaled to sums of 1, by turns: [..., N, N]."""
    logs = -costs / temperature
    for _ in range(sweeps):
        logs = logs - logs.logsumexp(dim=-1, keepdim=True)
        logs = logs - logs.logsumexp(dim=-2, keepdim=True)
    return logs.exp()


def best_cost(costs: Tensor) -> Tensor:
    """Cost of the best order of all, [...] of costs [..., N, N]: permutation-invariant training."""
    return order_costs(costs).min(dim=-1).values


def swap_price(orders: Tensor) -> Tensor:
    """Mean squared distance of the soft orders [..., S, N, N] of segments from their mean, per source: [...].

    Zero for one order throughout, be it right or wrong; 1/2 for two sources that change places half way.
    """
    apart = orders - orders.mean(dim=-3, keepdim=True)
    return apart.square().sum(dim=(-2, -1)).mean(dim=-1) / orders.shape[-1]
