"""The prior's network: cached and whole passes agree, and a sequence does not notice its batch."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lass.compute.rows import ROW_BLOCK
from lass.likelihood.tensor import build_likelihood
from lass.models import transformer
from lass.models.checkpoint import new_network
from lass.models.transformer import (
    SHORT,
    Block,
    Transformer,
    TransformerPrior,
    TransformerShape,
    causal_attention,
)
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions
from lass.separation.settings import DecoderSettings
from tests.likelihood.dense import count, draw_codes
from tests.separation.toy import ancestral, beam, kind_of, particle

LENGTH = 12


def build(*, seed: int = 0, **changes: Any) -> Transformer:
    """A small network with large random weights, so that attention is far from uniform."""
    sizes: dict[str, Any] = {
        "codes": 11,
        "classes": 1,
        "context": LENGTH,
        "layers": 3,
        "width": 24,
        "heads": 4,
        "kv_heads": 2,
    }
    network: Transformer = new_network(Transformer, TransformerShape(**(sizes | changes)), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return network.eval().requires_grad_(False)


def draw(batch: int, *, seed: int = 0, codes: int = 11, length: int = LENGTH) -> Tensor:
    """Random codes [B, S]."""
    return torch.from_numpy(np.random.default_rng(seed).integers(codes, size=(batch, length)))


def whole(network: Transformer, codes: Tensor, index: int = 0) -> Tensor:
    """Log-probabilities [B, S, K] in one pass."""
    logits: Tensor = network(codes, torch.full((len(codes),), index))
    return logits.log_softmax(dim=-1)


def stepwise(prior: TransformerPrior, codes: Tensor) -> Tensor:
    """Log-probabilities [B, S, K] position by position."""
    batch, length = codes.shape
    state = prior.start(batch, length)
    steps = [prior.log_probs(None if s == 0 else codes[:, s - 1], state) for s in range(length)]
    return torch.stack(steps, dim=1)


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (4, 1), (1, 1)])
@pytest.mark.parametrize("batch", [1, 3, ROW_BLOCK, ROW_BLOCK + 1])
def test_cached_steps_equal_a_whole_pass(heads: int, kv_heads: int, batch: int) -> None:
    network, codes = build(heads=heads, kv_heads=kv_heads), draw(batch)
    torch.testing.assert_close(stepwise(TransformerPrior(network), codes), whole(network, codes))


def test_log_probs_are_normalised() -> None:
    found = stepwise(TransformerPrior(build()), draw(5))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(5, LENGTH))


def test_the_weights_matter_everywhere() -> None:
    """Different pasts give different answers: the comparisons here are not of constants."""
    found = stepwise(TransformerPrior(build()), draw(2))
    assert torch.equal(found[0, 0], found[1, 0])
    assert ((found[0, 1:] - found[1, 1:]).abs().amax(-1) > 0.01).all()


def test_a_sequence_has_the_same_bytes_in_any_batch() -> None:
    """Sizes of a real prior, where matrix products choose their kernels by the number of rows.

    On one thread, as the workflow decodes: with more, some processors' libraries split a product's inner
    dimension or not by its number of rows.
    """
    network = build(codes=512, layers=2, width=256, heads=4, kv_heads=1)
    prior, codes = TransformerPrior(network), draw(200, codes=512)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        together = stepwise(prior, codes)
        for rows in (range(1), range(5, 8), range(20, 36), range(100, 117), range(63, 128), [9, 150, 2]):
            assert torch.equal(stepwise(prior, codes[list(rows)]), together[list(rows)])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("changed", range(LENGTH))
def test_a_code_changes_no_logit_up_to_its_own_position(changed: int) -> None:
    network, codes = build(), draw(2)
    other = codes.clone()
    other[:, changed] = (other[:, changed] + 1) % 11
    difference = (whole(network, codes) - whole(network, other)).abs().amax(dim=(0, 2))  # [S]
    assert (difference[: changed + 1] == 0).all()
    assert (difference[changed + 1 :] > 1e-4).all()


def test_reordered_rows_continue_the_sequences_they_follow() -> None:
    prior, codes = TransformerPrior(build()), draw(4)
    rows = torch.tensor([2, 2, 0, 3])
    state = prior.start(4, LENGTH)
    for s in range(5):
        prior.log_probs(None if s == 0 else codes[:, s - 1], state)
    prior.reorder(state, rows)
    followed = codes[rows]
    followed[:, 4:] = codes[:, 4:]  # the last code fed before was the one at position 3
    found = torch.stack([prior.log_probs(followed[:, s - 1], state) for s in range(5, LENGTH)], dim=1)
    assert torch.equal(found, stepwise(prior, followed)[:, 5:])


def test_reordering_again_and_again() -> None:
    prior, rng = TransformerPrior(build()), np.random.default_rng(1)
    followed = draw(6, seed=2)
    state = prior.start(6, LENGTH)
    for s in range(LENGTH):
        found = prior.log_probs(None if s == 0 else followed[:, s - 1], state)
        assert torch.equal(found, stepwise(prior, followed[:, : s + 1])[:, s])
        rows = torch.from_numpy(rng.integers(6, size=6))
        prior.reorder(state, rows)
        followed[:, :s] = followed[rows, :s]


def test_beam_search_scores_are_the_networks_own() -> None:
    """Caches, reordering and padding together: the score of a beam is what a whole pass gives its codes."""
    priors = [TransformerPrior(build(seed=n)) for n in range(2)]
    sources, mixed = draw_codes(sources=2, codebook_size=11, positions=600, seed=0)
    likelihood = build_likelihood(count(sources, mixed, codebook_size=11))
    mixture = draw(5, seed=4)
    decoder = open_decoder(beam(7, weight=1.5))
    found = decode_sequences(CountedPositions(likelihood, mixture), priors=priors, decoder=decoder)
    dense = torch.full((11, 11, 11), -torch.inf)
    for code in range(11):
        tuples, values = likelihood.slice_of(code)
        dense[code, tuples[:, 0], tuples[:, 1]] = values
    codes = found.codes.flatten(0, 1)  # [B * W, S, N]
    expected = 1.5 * dense[mixture.repeat_interleave(7, 0), codes[..., 0], codes[..., 1]].double().sum(-1)
    for n, prior in enumerate(priors):
        assert isinstance(prior.network, Transformer)
        chosen = whole(prior.network, codes[..., n]).gather(2, codes[..., n, None])
        expected += chosen[..., 0].double().sum(-1)
    torch.testing.assert_close(found.scores.flatten(), expected, atol=1e-3, rtol=1e-5)
    assert all(len({str(row.tolist()) for row in item}) == 7 for item in found.codes)
    for item in range(5):
        own = CountedPositions(likelihood, mixture[[item]])
        alone = decode_sequences(own, priors=priors, decoder=decoder)
        assert torch.equal(alone.codes[0], found.codes[item])
        assert torch.equal(alone.scores[0], found.scores[item])


# --- places, activations, short sequences ---


@pytest.mark.parametrize("changes", [{"absolute": True}, {"activation": "silu"}])
def test_cached_steps_equal_a_whole_pass_of_other_networks(changes: dict[str, Any]) -> None:
    network, codes = build(**changes), draw(5)
    torch.testing.assert_close(stepwise(TransformerPrior(network), codes), whole(network, codes))


def test_learned_places_matter() -> None:
    """Each position has its own vector, which changes that position and what follows, nothing before."""
    network, codes = build(absolute=True), draw(3)
    before = whole(network, codes)
    for place in range(LENGTH):
        other = build(absolute=True)
        assert other.places is not None
        other.places.weight[place] += torch.linspace(-1, 1, 24)  # a constant would be normalised away
        difference = (whole(other, codes) - before).abs().amax(dim=(0, 2))  # [S]
        assert (difference[:place] == 0).all()
        assert (difference[place:] > 1e-4).all()


def test_without_places_a_network_is_what_it_was() -> None:
    """Places of zero change nothing; without them there are no weights for them."""
    placed = build(absolute=True)
    assert placed.places is not None
    placed.places.weight.zero_()
    plain = new_network(Transformer, build().shape, seed=0).eval()
    assert plain.places is None
    plain.load_state_dict({k: v for k, v in placed.state_dict().items() if not k.startswith("places")})
    assert torch.equal(whole(plain, draw(3)), whole(placed, draw(3)))


def test_the_activation_is_the_one_that_is_named() -> None:
    """A block by hand: x + contract(activation(expand(norm(x)))) where attention gives nothing."""
    for name, function in (("gelu", functional.gelu), ("silu", functional.silu)):
        block = build(activation=name).blocks[0]
        assert isinstance(block, Block)
        block.project.weight.zero_()
        x = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(0))
        found = block(x, *build().rotation(torch.arange(5)))
        hidden = function(block.expand(block.forward_norm(x)))
        torch.testing.assert_close(found, x + block.contract(hidden))
    with pytest.raises(ValueError, match=r"activation 'relu': choose one of \['gelu', 'silu'\]"):
        build(activation="relu")


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (6, 1), (1, 1)])
@pytest.mark.parametrize("length", [1, 2, 49, SHORT])
def test_short_attention_equals_the_fused_one(
    monkeypatch: pytest.MonkeyPatch, heads: int, kv_heads: int, length: int
) -> None:
    generator = torch.Generator().manual_seed(heads + length)
    q, k, v = (torch.randn(3, n, length, 8, generator=generator) * 2 for n in (heads, kv_heads, kv_heads))
    short = causal_attention(q, k, v)
    monkeypatch.setattr(transformer, "SHORT", 0)
    fused = causal_attention(q, k, v)
    torch.testing.assert_close(short, fused, atol=1e-5, rtol=1e-5)
    k, v = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))
    expected = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(short, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("heads", [4, 8])
def test_gradients_of_short_attention_equal_those_of_the_fused_one(
    monkeypatch: pytest.MonkeyPatch, heads: int
) -> None:
    gradients = []
    for longest in (SHORT, 0):
        monkeypatch.setattr(transformer, "SHORT", longest)
        network = build(heads=heads, width=32, kv_heads=2).requires_grad_(True)
        network.training_loss((draw(3), torch.zeros(3, dtype=torch.int64)), np.random.default_rng(0))[
            "loss"
        ].backward()
        gradients.append({name: p.grad for name, p in network.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-5, rtol=1e-3)


# --- one prior for several sources ---


@pytest.mark.parametrize(
    "settings",
    [
        beam(7),
        ancestral(7),
        particle(7, resampling=0.9),
    ],
    ids=kind_of,
)
@pytest.mark.parametrize("number", [2, 3])
def test_a_prior_of_all_sources_is_as_good_as_copies_of_it(settings: DecoderSettings, number: int) -> None:
    network = build()
    sources, mixed = draw_codes(sources=number, codebook_size=11, positions=600, seed=0)
    likelihood = build_likelihood(count(sources, mixed, codebook_size=11))
    mixture = torch.from_numpy(mixed[: 5 * LENGTH].reshape(5, LENGTH).astype(np.int64))
    decoder = open_decoder(settings)
    uniforms = torch.from_numpy(np.random.default_rng(1).random((5, LENGTH, decoder.draws)))
    one = TransformerPrior(network)
    shared, copies = (
        decode_sequences(
            CountedPositions(likelihood, mixture), priors=priors, decoder=decoder, uniforms=uniforms
        )
        for priors in ([one] * number, [TransformerPrior(network) for _ in range(number)])
    )
    assert torch.equal(shared.codes, copies.codes)
    assert torch.equal(shared.scores, copies.scores)
    assert torch.equal(shared.log_weights, copies.log_weights)
    for item in range(5):
        alone = decode_sequences(
            CountedPositions(likelihood, mixture[[item]]),
            priors=[one] * number,
            decoder=decoder,
            uniforms=uniforms[[item]],
        )
        assert torch.equal(alone.codes[0], shared.codes[item])
        assert torch.equal(alone.scores[0], shared.scores[item])


# --- class-conditional networks ---


def test_a_class_chooses_the_start() -> None:
    network, codes = build(classes=3), draw(4)
    answers = [whole(network, codes, index) for index in range(3)]
    for index, answer in enumerate(answers):
        torch.testing.assert_close(stepwise(TransformerPrior(network, class_index=index), codes), answer)
    assert (answers[0] - answers[1]).abs().max() > 0.01
    together = network(codes[:3], torch.tensor([2, 0, 1])).log_softmax(dim=-1)
    torch.testing.assert_close(together, torch.stack([answers[2][0], answers[0][1], answers[1][2]]))


@pytest.mark.parametrize("index", [-1, 2])
def test_a_class_that_the_network_does_not_have(index: int) -> None:
    with pytest.raises(ValueError, match=f"class index {index} outside the prior's 2 classes"):
        TransformerPrior(build(classes=2), class_index=index)


# --- losses ---


def test_the_loss_is_the_mean_negative_log_likelihood() -> None:
    network, codes = build(classes=2), draw(3)
    prior = TransformerPrior(network, class_index=1)
    expected = -whole(network, codes, 1).gather(2, codes[..., None]).mean()
    torch.testing.assert_close(prior.sequence_loss(codes), expected)
    loss = network.training_loss((codes, torch.ones(3, dtype=torch.int64)), np.random.default_rng(0))
    torch.testing.assert_close(loss["loss"], expected)


def test_dropout_works_while_training_only() -> None:
    shape = build().shape
    network = new_network(Transformer, shape, seed=0, dropout=0.5)
    codes, classes = draw(2), torch.zeros(2, dtype=torch.int64)
    assert not torch.equal(network.train()(codes, classes), network(codes, classes))
    assert torch.equal(network.eval()(codes, classes), network(codes, classes))


def test_new_networks_follow_their_seed_alone() -> None:
    shape = build().shape
    state = torch.random.get_rng_state()
    first, again, other = (new_network(Transformer, shape, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert torch.equal(torch.random.get_rng_state(), state)


# --- what is refused ---


def test_a_sequence_longer_than_the_context() -> None:
    prior = TransformerPrior(build())
    with pytest.raises(ValueError, match=f"{LENGTH + 1} tokens exceeds the prior's context of {LENGTH}"):
        prior.start(1, LENGTH + 1)


def test_more_steps_than_announced() -> None:
    prior = TransformerPrior(build())
    state = prior.start(1, 2)
    for previous in (None, torch.tensor([1])):
        prior.log_probs(previous, state)
    with pytest.raises(ValueError, match="2 tokens are all that this cache was made for"):
        prior.log_probs(torch.tensor([1]), state)


@pytest.mark.parametrize(
    "sizes", [{"width": 20, "heads": 4}, {"heads": 4, "kv_heads": 3}, {"width": 24, "heads": 5}]
)
def test_shapes_that_cannot_be_built(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"width \d+ must be a multiple of 2 \* heads"):
        build(**sizes)
