"""Priors of less weight: products of what they say and of how frequent codes are."""

import pytest
import torch
from torch import Tensor

from lass.separation.decoding.weighted import FrequencyPrior, WeightedPrior

FREQUENCIES = torch.tensor([0.5, 0.25, 0.25]).log()


class Stub:
    """Says the same of every sequence."""

    codebook_size = 3

    def start(self, batch: int, length: int, *, shared: int = 1) -> list[int]:
        del length, shared
        return [batch]

    def bytes_per_sequence(self, length: int) -> int:
        return 100 * length

    def log_probs(self, previous: Tensor | None, state: list[int]) -> Tensor:
        del previous
        return torch.tensor([0.1, 0.8, 0.1]).log().expand(state[0], -1)

    def reorder(self, state: list[int], rows: Tensor) -> None:
        state[0] = len(rows)


def test_half_of_the_weight_by_hand() -> None:
    prior = WeightedPrior(Stub(), 0.5, FREQUENCIES)
    state = prior.start(2, 5)
    masses = torch.tensor([0.1 * 0.5, 0.8 * 0.25, 0.1 * 0.25]).sqrt()
    torch.testing.assert_close(prior.log_probs(None, state).exp(), (masses / masses.sum()).expand(2, -1))
    prior.reorder(state, torch.tensor([0, 0, 1]))
    assert prior.log_probs(torch.tensor([1, 1, 2]), state).shape == (3, 3)
    assert prior.bytes_per_sequence(5) >= 500


def test_frequencies_are_the_same_whatever_came_before() -> None:
    prior = FrequencyPrior(FREQUENCIES)
    state = prior.start(1, 5)
    torch.testing.assert_close(prior.log_probs(None, state), FREQUENCIES[None])
    prior.reorder(state, torch.tensor([0, 0]))
    torch.testing.assert_close(prior.log_probs(torch.tensor([1, 2]), state), FREQUENCIES.expand(2, -1))
    assert prior.bytes_per_sequence(750) < 100


@pytest.mark.parametrize("weight", [0.25, 0.75])
def test_what_is_left_is_a_distribution(weight: float) -> None:
    prior = WeightedPrior(Stub(), weight, FREQUENCIES)
    assert float(prior.log_probs(None, prior.start(1, 1)).exp().sum()) == pytest.approx(1, rel=1e-6)
