"""The cache of hypotheses with a common past: the same answers as without it, from less memory."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import build_likelihood
from lass.models.attention.cache import WINDOW, SharedCache, explicit_attention, normalised_attention
from lass.models.checkpoint import new_network
from lass.models.transformer import Transformer, TransformerPrior, TransformerShape
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions
from lass.separation.settings import DecoderSettings
from tests.likelihood.dense import count, draw_codes
from tests.separation.toy import beam, kind_of, particle

LENGTH = 5 * WINDOW
CODES = 11


def build(seed: int = 0, *, heads: int = 4, kv_heads: int = 1) -> TransformerPrior:
    shape = TransformerShape(
        codes=CODES, classes=1, context=LENGTH, layers=2, width=32, heads=heads, kv_heads=kv_heads
    )
    return TransformerPrior(new_network(Transformer, shape, seed=seed))


def whole(prior: TransformerPrior, codes: Tensor) -> Tensor:
    """Log-probabilities [B, S, K] in one pass."""
    logits: Tensor = prior.network(codes, torch.zeros(len(codes), dtype=torch.int64))
    return logits.log_softmax(dim=-1)


def started(prior: TransformerPrior, shared: int) -> SharedCache:
    state = prior.start(1, LENGTH, shared=shared)
    assert isinstance(state, SharedCache)
    return state


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (4, 1)])
@pytest.mark.parametrize(("shared", "sociable"), [(3, 1.0), (3, 0.1), (16, 0.5)])
def test_answers_are_those_of_a_whole_pass(heads: int, kv_heads: int, shared: int, sociable: float) -> None:
    """Sequences branch and die at random: `sociable` is the share of steps at which all descend from few."""
    prior, rng = build(heads=heads, kv_heads=kv_heads), np.random.default_rng(int(10 * sociable) + shared)
    state, past = started(prior, shared), torch.zeros(1, 0, dtype=torch.int64)
    for s in range(LENGTH):
        found = prior.log_probs(past[:, -1] if s else None, state)
        padded = torch.nn.functional.pad(past, (0, 1))  # the last code is not read
        torch.testing.assert_close(found, whole(prior, padded)[:, -1], atol=2e-5, rtol=1e-5)
        number = int(rng.integers(1, 12))
        bound = min(len(past), 2) if rng.random() < sociable else len(past)
        parents = torch.from_numpy(np.sort(rng.integers(bound, size=number)))
        prior.reorder(state, parents)
        past = torch.cat([past[parents], torch.from_numpy(rng.integers(CODES, size=(number, 1)))], dim=1)
    assert state.length == LENGTH


def test_a_common_past_is_held_once() -> None:
    prior = build()
    state = started(prior, 16)
    for s in range(LENGTH):
        prior.log_probs(torch.arange(state.used) % CODES if s else None, state)
        prior.reorder(state, torch.zeros(12, dtype=torch.int64))  # twelve children of one
    assert (state.used, state.trunks.used, state.settled) == (12, 1, LENGTH - 2 * WINDOW)


def test_pasts_of_their_own_are_held_apart() -> None:
    prior = build()
    state = started(prior, 16)
    prior.log_probs(None, state)
    prior.reorder(state, torch.zeros(12, dtype=torch.int64))
    for _ in range(LENGTH - 1):
        prior.log_probs(torch.arange(12) % CODES, state)
    assert (state.used, state.trunks.used) == (12, 12)


def test_no_trunk_serves_more_than_it_has_room_for() -> None:
    prior = build()
    state = started(prior, 4)
    for s in range(LENGTH):
        prior.log_probs(torch.arange(state.used) % CODES if s else None, state)
        if state.settled:
            assert torch.bincount(state.slots).max() <= 4
            assert state.places.max() < 4
        prior.reorder(state, torch.zeros(11, dtype=torch.int64))
    assert state.trunks.used == 3  # 4 + 4 + 3


@pytest.mark.parametrize(
    "settings", [beam(7, weight=1.5), particle(7, weight=1.5, resampling=0.9)], ids=kind_of
)
def test_hypotheses_do_not_notice_who_else_is_decoded(settings: DecoderSettings) -> None:
    priors = [build(seed) for seed in range(2)]
    sources, mixed = draw_codes(sources=2, codebook_size=CODES, positions=600, seed=0)
    likelihood = build_likelihood(count(sources, mixed, codebook_size=CODES))
    mixture = torch.from_numpy(np.random.default_rng(4).integers(CODES, size=(4, LENGTH)))
    decoder = open_decoder(settings)
    numbers = torch.from_numpy(np.random.default_rng(5).random((4, LENGTH, decoder.draws)))
    parts: dict[str, Any] = {"priors": priors, "decoder": decoder}
    found = decode_sequences(CountedPositions(likelihood, mixture), uniforms=numbers, **parts)
    for item in range(4):
        own = CountedPositions(likelihood, mixture[[item]])
        alone = decode_sequences(own, uniforms=numbers[[item]], **parts)
        assert torch.equal(alone.codes[0], found.codes[item])
        assert torch.equal(alone.scores[0], found.scores[item])


def test_a_sequence_longer_than_announced() -> None:
    prior = build()
    state = prior.start(1, 2, shared=8)
    prior.log_probs(None, state)
    prior.log_probs(torch.tensor([1]), state)
    with pytest.raises(ValueError, match="2 tokens are all that this cache was made for"):
        prior.log_probs(torch.tensor([1]), state)


def test_attention_with_its_normaliser() -> None:
    """Against the definition; both ways to compute it, and two halves joined by their normalisers."""
    rng = np.random.default_rng(0)
    q, k, v = (torch.from_numpy(rng.normal(size=(3, 2, n, 8))).float() for n in (5, 7, 7))
    scores = q @ k.transpose(-1, -2) / 8**0.5
    for attention in (normalised_attention, explicit_attention):
        attended, normaliser = attention(q, k, v)
        torch.testing.assert_close(attended, scores.softmax(-1) @ v)
        torch.testing.assert_close(normaliser, scores.exp().sum(-1).log())
        (early, first), (late, second) = (
            attention(q, k[:, :, :4], v[:, :, :4]),
            attention(q, k[:, :, 4:], v[:, :, 4:]),
        )
        share = (first - second).sigmoid()[..., None]
        torch.testing.assert_close(share * early + (1 - share) * late, attended)
