"""The cache that Jukebox's prior has on a GPU, on a CPU: against whole passes of what sequences became."""

import pytest
import torch
from torch import Tensor

from lass.models.pretrained.jukebox_prior import JukeboxPrior, JukeboxPriorShape, JukeboxTransformer

SHAPE = JukeboxPriorShape(codes=16, context=32, block=4, layers=7, width=12, attended=6, hidden=10)


@pytest.fixture(scope="module")
def prior() -> JukeboxPrior:
    network = JukeboxTransformer(SHAPE).requires_grad_(requires_grad=False)
    draw = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.normal_(std=0.5, generator=draw)
    return JukeboxPrior(network)


def continued(prior: JukeboxPrior, held: Tensor) -> Tensor:
    """Log-probabilities [B, K] of what comes after sequences `held` [B, s], by the whole pass."""
    longer = torch.cat([held, torch.zeros(len(held), 1, dtype=torch.int64)], dim=1)
    return prior.logits(longer)[:, -1].log_softmax(dim=-1)


# S within the first block, at its edge, past it, and whole blocks
@pytest.mark.parametrize("length", [1, 3, 4, 5, 14, 32])
def test_sequences_that_descend_from_one_another_are_whole_passes(prior: JukeboxPrior, length: int) -> None:
    draw = torch.Generator().manual_seed(length)
    state, held, previous = prior.recorded(6, length), torch.zeros(6, 0, dtype=torch.int64), None
    for position in range(length):
        found = prior.log_probs(previous, state)
        torch.testing.assert_close(found, continued(prior, held), atol=1e-4, rtol=0)
        previous = torch.randint(SHAPE.codes, (6,), generator=draw)
        if position % 3 < 2:  # and at every third position they go on as they are
            parents = torch.randint(6, (6,), generator=draw)
            prior.reorder(state, parents)
            held = held[parents]
        held = torch.cat([held, previous[:, None]], dim=1)


def test_nothing_of_a_step_lies_elsewhere_at_the_next(prior: JukeboxPrior) -> None:
    """A recording reads and writes what it was recorded with: the same tensors, whatever the position."""
    state = prior.recorded(2, 9)
    cache = state.cache
    lasting = [*cache.stores, cache.ancestors, cache.parents, cache.position, state.tokens]
    before = [each.data_ptr() for each in lasting]
    for position in range(9):
        prior.log_probs(None if position == 0 else torch.tensor([1, 2]), state)
        prior.reorder(state, torch.tensor([1, 1]))
    now = [*cache.stores, cache.ancestors, cache.parents, cache.position, state.tokens]
    assert [each.data_ptr() for each in now] == before
    assert int(cache.position) == 8


def test_its_sequences_keep_their_number_and_their_length(prior: JukeboxPrior) -> None:
    state = prior.recorded(2, 1)
    prior.log_probs(None, state)
    with pytest.raises(ValueError, match="1 tokens are all"):
        prior.log_probs(torch.tensor([1, 2]), state)
    with pytest.raises(ValueError, match="3 sequences continue 2"):
        prior.reorder(state, torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match="32"):
        prior.recorded(2, 33)


@pytest.mark.parametrize("length", [3, 14, 32])
def test_it_holds_no_more_than_the_budget_is_told(prior: JukeboxPrior, length: int) -> None:
    cache = prior.recorded(4, length).cache
    held = sum(each.nbytes for each in cache.stores) + cache.ancestors.nbytes
    assert 0 < held <= 4 * prior.bytes_per_sequence(length)


def test_in_bfloat16_it_is_near_the_whole_pass() -> None:
    network = JukeboxTransformer(SHAPE).requires_grad_(requires_grad=False).to(torch.bfloat16)
    draw = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.normal_(std=0.1, generator=draw)
    prior = JukeboxPrior(network)
    codes = torch.randint(SHAPE.codes, (3, 10), generator=draw)
    state = prior.recorded(3, 10)
    for position in range(10):
        found = prior.log_probs(None if position == 0 else codes[:, position - 1], state)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, continued(prior, codes[:, :position]).float(), atol=0.05, rtol=0)
