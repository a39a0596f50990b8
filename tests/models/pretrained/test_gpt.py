"""GPTs: against loops over single numbers, whole passes against steps, and in the hands of a decoder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.compute.rows import ROW_BLOCK
from lass.likelihood.tensor import build_likelihood
from lass.models.attention.cache import KeyValueCache, SharedCache
from lass.models.network import empty_cache
from lass.models.pretrained.gpt import (
    KIND,
    Gpt,
    GptShape,
    codes_of_classes,
    read_gpt,
    told_classes,
)
from lass.models.pretrained.stored import filled, shapes_of, tensors_of, without_memory, write_part
from lass.models.transformer import TransformerPrior
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions
from tests.likelihood.dense import count, draw_codes
from tests.separation.toy import beam

LENGTH = 40  # more than a window of a shared cache and its tails


def build(*, seed: int = 0, **changes: Any) -> Gpt:
    """A small network with large random weights, so that attention is far from uniform."""
    sizes: dict[str, Any] = {"codes": 11, "classes": 4, "context": LENGTH, "layers": 2, "width": 16}
    shape = GptShape(**(sizes | {"heads": 2, "hidden": 24} | changes))
    generator = torch.Generator().manual_seed(seed)
    network = without_memory(Gpt, shape)
    sizes = shapes_of(network)
    return filled(network, {n: torch.randn(size, generator=generator) * 0.4 for n, size in sizes.items()})


def draw(batch: int, *, seed: int = 0, length: int = LENGTH) -> Tensor:
    """Random codes [B, S]."""
    return torch.from_numpy(np.random.default_rng(seed).integers(11, size=(batch, length)))


def whole(network: Gpt, codes: Tensor, index: int = 0) -> Tensor:
    """Log-probabilities [B, S, K] in one pass."""
    logits: Tensor = network(codes, torch.full((len(codes),), index))
    return logits.log_softmax(dim=-1)


def stepwise(prior: TransformerPrior, codes: Tensor, *, shared: int = 1) -> Tensor:
    """Log-probabilities [B, S, K] position by position."""
    batch, length = codes.shape
    state = prior.start(batch, length, shared=shared)
    steps = [prior.log_probs(None if s == 0 else codes[:, s - 1], state).clone() for s in range(length)]
    return torch.stack(steps, dim=1)


@pytest.mark.parametrize("changes", [{}, {"tied": True, "activation": "gelu_tanh"}, {"heads": 1}])
@pytest.mark.parametrize("batch", [1, 3, ROW_BLOCK + 1])
def test_steps_equal_a_whole_pass(changes: dict[str, Any], batch: int) -> None:
    network, codes = build(**changes), draw(batch)
    expected = whole(network, codes, 2)
    prior = TransformerPrior(network, class_index=2)
    torch.testing.assert_close(stepwise(prior, codes), expected, atol=1e-4, rtol=0)
    assert expected.std() > 0.3


@pytest.mark.parametrize("shared", [1, 3])
def test_reordered_rows_continue_the_sequences_that_they_follow(shared: int) -> None:
    """Again and again, with a past that becomes common and one that does not, in other numbers of rows."""
    network, rng = build(), np.random.default_rng(1)
    prior = TransformerPrior(network, class_index=1)
    followed, number = draw(6, seed=2), 6
    state = prior.start(number, LENGTH, shared=shared)
    for s in range(LENGTH):
        found = prior.log_probs(None if s == 0 else followed[:, s - 1], state)
        expected = whole(network, followed[:, : s + 1], 1)[:, s]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
        number = int(rng.integers(3, 9))
        rows = torch.from_numpy(np.sort(rng.integers(len(found), size=number)))
        prior.reorder(state, rows)
        followed = torch.cat([followed[rows, :s], draw(number, seed=s)[:, s:]], dim=1)
    assert isinstance(state, SharedCache if shared > 1 else KeyValueCache)


def test_a_class_is_the_code_that_comes_first() -> None:
    """A sequence after class c is one after c as a code, one place later but for the places."""
    network = build()
    network.places.weight.zero_()
    codes = draw(2, length=5)
    after = torch.cat([torch.full((2, 1), 3), codes], dim=1)
    for start in range(4):
        found = whole(network, torch.cat([after[:, :1], codes], dim=1), start)[:, 0]
        expected = whole(network, after[:, :1], start)[:, 0]
        torch.testing.assert_close(found, expected)
    answers = [whole(network, codes, index)[:, 0] for index in range(4)]
    assert all((answers[i] - answers[j]).abs().max() > 0.01 for i in range(4) for j in range(i))
    assert network.start.weight is network.embed.weight


def test_a_code_changes_no_logit_up_to_its_own_position() -> None:
    network, codes = build(), draw(2, length=12)
    for changed in range(12):
        other = codes.clone()
        other[:, changed] = (other[:, changed] + 1) % 11
        difference = (whole(network, codes) - whole(network, other)).abs().amax(dim=(0, 2))  # [S]
        assert (difference[: changed + 1] == 0).all()
        assert (difference[changed + 1 :] > 1e-4).all()


def test_a_sequence_has_the_same_bytes_in_any_batch() -> None:
    prior = TransformerPrior(build(width=128, heads=4, hidden=512))
    codes = draw(40, length=8)
    together = stepwise(prior, codes)
    for rows in ([0], [5, 6, 7], list(range(20, 37)), [39, 2]):
        assert torch.equal(stepwise(prior, codes[rows]), together[rows])


def test_beam_search_scores_are_the_networks_own() -> None:
    networks = [build(seed=n) for n in range(2)]
    priors = [TransformerPrior(network, class_index=n) for n, network in enumerate(networks)]
    sources, mixed = draw_codes(sources=2, codebook_size=11, positions=600, seed=0)
    likelihood = build_likelihood(count(sources, mixed, codebook_size=11))
    mixture = draw(2, seed=4)
    found = decode_sequences(
        CountedPositions(likelihood, mixture), priors=priors, decoder=open_decoder(beam(5, weight=1.5))
    )
    dense = torch.full((11, 11, 11), -torch.inf)
    for code in range(11):
        tuples, values = likelihood.slice_of(code)
        dense[code, tuples[:, 0], tuples[:, 1]] = values
    codes = found.codes.flatten(0, 1)  # [B * W, S, N]
    expected = 1.5 * dense[mixture.repeat_interleave(5, 0), codes[..., 0], codes[..., 1]].double().sum(-1)
    for n, network in enumerate(networks):
        chosen = whole(network, codes[..., n], n).gather(2, codes[..., n, None])
        expected += chosen[..., 0].double().sum(-1)
    torch.testing.assert_close(found.scores.flatten(), expected, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("shared", [1, 4])
def test_a_cache_keeps_to_what_is_said_of_it(shared: int) -> None:
    """What all sequences and the padding hold at most is what the decoder's budget is told."""
    prior = TransformerPrior(build())
    state = prior.start(20, LENGTH, shared=shared)
    for s in range(LENGTH):
        prior.log_probs(None if s == 0 else draw(20)[:, s - 1], state)
    assert isinstance(state, KeyValueCache | SharedCache)
    caches = (state.trunks, state.tails) if isinstance(state, SharedCache) else (state,)
    held = sum(part.nbytes for cache in caches for part in (cache.keys, cache.values))
    assert 0 < held <= prior.bytes_per_sequence(LENGTH) * (20 + ROW_BLOCK)


@pytest.mark.skipif(torch.cuda.is_available(), reason="in Triton's interpreter, where there is no GPU")
def test_the_cache_of_a_gpu_gives_the_same() -> None:
    kernels = pytest.importorskip("lass.models.attention.kernels", reason="Triton is for Linux only")
    assert kernels is not None
    prior = TransformerPrior(build(width=24, heads=2, layers=1), class_index=2)
    recorded, copied = prior.recorded(4, 4, shared=4), empty_cache(prior.network, 4, 4)
    codes = draw(4, length=4)
    for s in range(4):
        previous = None if s == 0 else codes[:, s - 1]
        found = prior.log_probs(previous, recorded)
        torch.testing.assert_close(found, prior.log_probs(previous, copied), rtol=1e-4, atol=1e-4)
        for state in (recorded, copied):
            prior.reorder(state, torch.tensor([0, 0, 3, 1]))


def test_the_loss_is_the_mean_negative_log_likelihood() -> None:
    network, codes = build(), draw(3)
    expected = -whole(network, codes, 1).gather(2, codes[..., None]).mean()
    torch.testing.assert_close(TransformerPrior(network, class_index=1).sequence_loss(codes), expected)


# --- files ---


@pytest.mark.parametrize("tied", [False, True])
def test_a_network_comes_back_from_its_file(tmp_path: Path, tied: bool) -> None:
    network, path = build(tied=tied), tmp_path / "prior.safetensors"
    tensors = tensors_of(network)
    write_part(path, tensors, kind=KIND, shape=network.shape, provenance={"codebook": "abc"})
    read = read_gpt(path, codebook="abc")
    assert read.shape == network.shape
    assert ("head.weight" in tensors) is not tied
    assert torch.equal(whole(read, draw(2)), whole(network, draw(2)))
    moved = read.to(torch.bfloat16)
    assert {weights.dtype for weights in moved.parameters()} == {torch.bfloat16}
    assert whole(moved, draw(2)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("given", "number", "told"),
    [
        ([], 1, {}),
        (["face"], 1, {"classes": ["face"]}),
        (["cat", "dog"], 2, {"classes": ["cat", "dog"]}),
        (["1000"], 1000, {}),
        (["0", "1"], 2, {"classes": ["0", "1"]}),
    ],
)
def test_classes_are_names_or_a_number(given: list[str], number: int, told: dict[str, list[str]]) -> None:
    assert told_classes(given) == (number, told)


def test_some_of_many_classes(tmp_path: Path) -> None:
    """Of a network that is told a class: those of these codes, as if all had been named."""
    assert codes_of_classes(["tiger=5", " eel = 2"]) == (["tiger", "eel"], (5, 2))
    assert codes_of_classes(["tiger", "eel"]) == (["tiger", "eel"], ())
    for wrong in (["tiger=5", "eel"], ["tiger=x", "eel=1"]):
        with pytest.raises(ValueError, match="give each a number, such as tiger=292, or none of them"):
            codes_of_classes(wrong)
    every = build(classes=7)
    some = build(classes=2, starts=(5, 2))
    some.load_state_dict(every.state_dict())
    codes = draw(2)
    classes = torch.tensor([1, 0])
    torch.testing.assert_close(some(codes, classes), every(codes, torch.tensor([2, 5])), rtol=0, atol=0)
    first = TransformerPrior(some, class_index=0), TransformerPrior(every, class_index=5)
    logits = [prior.log_probs(None, prior.start(2, 4)) for prior in first]
    assert torch.equal(*logits)
    part = tmp_path / "prior.safetensors"
    write_part(part, tensors_of(some), kind=KIND, shape=some.shape, provenance={"codebook": "0"})
    assert read_gpt(part).shape.starts == (5, 2)
    for starts in ((5,), (5, 99)):
        with pytest.raises(ValueError, match=r"give one of 0 to .* for each of 2 classes"):
            build(classes=2, starts=starts)


# --- what is refused ---


def test_a_damaged_file(tmp_path: Path) -> None:
    network, path = build(), tmp_path / "prior.safetensors"
    tensors: dict[str, Any] = tensors_of(network)

    def write(tensors: dict[str, Any]) -> None:
        write_part(path, tensors, kind=KIND, shape=network.shape, provenance={})

    write({name: tensor for name, tensor in tensors.items() if name != "norm.bias"})
    with pytest.raises(ValueError, match=r"prior\.safetensors: lacks norm\.bias"):
        read_gpt(path)
    write(tensors | {"norm.bias": torch.zeros(3)})
    with pytest.raises(
        ValueError, match=r"prior\.safetensors: norm\.bias is of shape \(3,\) instead of \(16,\)"
    ):
        read_gpt(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"prior\.safetensors: damaged or truncated"):
        read_gpt(path)


def test_a_sequence_longer_than_the_context() -> None:
    prior = TransformerPrior(build(context=8))
    with pytest.raises(ValueError, match="9 tokens exceeds the prior's context of 8"):
        prior.start(1, 9)
    with pytest.raises(ValueError, match="9 tokens exceeds the prior's context of 8"):
        build(context=8)(draw(1, length=9), torch.tensor([0]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "width 16 must be a multiple of twice the heads, 3: give the number of heads"),
        ({"heads": 0}, "width 16 must be a multiple of twice the heads, 0"),
        ({"classes": 12}, "12 classes, but each is one of 11 codes"),
        ({"activation": "relu"}, r"activation 'relu': choose one of \['gelu', 'gelu_tanh'\]"),
    ],
)
def test_shapes_that_cannot_be_built(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_a_class_that_the_network_does_not_have() -> None:
    with pytest.raises(ValueError, match="class index 4 outside the prior's 4 classes"):
        TransformerPrior(build(), class_index=4)
