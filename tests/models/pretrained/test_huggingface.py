"""GPT-2 of Hugging Face: what the library computed of the same weights, loops, and what is no such file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lass.models.codec import read_codec
from lass.models.headers import describe_checkpoint
from lass.models.pretrained.gpt import Gpt, GptShape, read_gpt
from lass.models.pretrained.huggingface import convert_gpt2, import_gpt2, public_places
from lass.models.pretrained.stored import shapes_of, without_memory
from lass.models.pretrained.taming import convert_transformer, import_vqgan
from tests.models.pretrained import naive
from tests.models.pretrained.public_taming import FILE, gpt2_tensors, vqgan_tensors, write_file
from tests.recorded.reading import recorded

GPT2 = recorded("gpt2")


def without_prefix() -> dict[str, Tensor]:
    return {name.removeprefix("transformer."): tensor for name, tensor in gpt2_tensors().items()}


def test_logits_are_the_librarys() -> None:
    network = convert_gpt2(FILE, gpt2_tensors(), heads=2, classes=20)
    assert (network.shape.activation, network.shape.tied, network.shape.context) == ("gelu_tanh", True, 9)
    logits = network(GPT2.tensors["codes"], GPT2.tensors["classes"])
    torch.testing.assert_close(logits, GPT2.tensors["logits"], atol=1e-4, rtol=1e-4)
    assert GPT2.tensors["logits"].std() > 1


@pytest.mark.parametrize("size", [1.0, 1e-3], ids=["as_recorded", "small_inputs"])
@pytest.mark.parametrize("name", ["gpt2", "taming_gpt"])
def test_logits_are_those_by_hand(name: str, size: float) -> None:
    """Also with inputs whose variance is less than what the first normalisation adds to it."""
    record = recorded(name)
    codes, classes = record.tensors["codes"], record.tensors["classes"]
    inputs = ("tok_emb.weight", "pos_emb", "wte.weight", "wpe.weight")
    plain = {key.removeprefix("transformer."): tensor for key, tensor in record.published.items()}
    plain |= {key: size * plain[key] for key in inputs if key in plain}
    if name == "gpt2":
        plain["lm_head.weight"] = plain["wte.weight"]
        network, by_hand = convert_gpt2(FILE, plain, heads=2, classes=20), naive.next_codes_of_gpt2
    else:
        whole = {f"transformer.{key}": tensor for key, tensor in plain.items()}
        network, by_hand = convert_transformer(FILE, whole, heads=2, classes=20), naive.next_codes
    weights = naive.Weights({key: tensor.numpy() for key, tensor in plain.items()})
    logits = network(codes, classes).numpy()
    for row in range(len(codes)):
        expected = by_hand([int(classes[row]), *codes[row, :-1].tolist()], weights, heads=2)
        np.testing.assert_allclose(logits[row], expected, atol=1e-5 * expected.std())


def test_names_without_the_prefix_and_without_the_head() -> None:
    plain = without_prefix()
    del plain["lm_head.weight"]
    assert torch.equal(logits_of(plain), logits_of(gpt2_tensors()))


def logits_of(tensors: dict[str, Tensor]) -> Tensor:
    logits: Tensor = convert_gpt2(FILE, tensors, heads=2)(
        GPT2.tensors["codes"], torch.zeros(3, dtype=torch.int64)
    )
    return logits


def test_a_head_of_its_own() -> None:
    other = gpt2_tensors() | {"lm_head.weight": torch.zeros(20, 16)}
    network = convert_gpt2(FILE, other, heads=2)
    assert not network.shape.tied
    assert (network(GPT2.tensors["codes"], torch.zeros(3, dtype=torch.int64)) == 0).all()


def test_another_activation() -> None:
    exact = convert_gpt2(FILE, gpt2_tensors(), heads=2, activation="gelu")
    assert exact.shape.activation == "gelu"
    change = exact(GPT2.tensors["codes"], torch.zeros(3, dtype=torch.int64)) - logits_of(gpt2_tensors())
    assert 1e-6 < change.abs().max() < 0.1
    with pytest.raises(ValueError, match=r"activation 'relu' is not known: .*'gelu_new'"):
        convert_gpt2(FILE, gpt2_tensors(), heads=2, activation="relu")


def test_the_priors_of_the_papers_digits() -> None:
    """256 codes, 49 positions, width 128, 3 layers, 2 heads: 12 tensors a layer, 4 around them."""
    network = without_memory(Gpt, digits())
    sizes = shapes_of(network)
    tensors = {
        name: torch.zeros(tuple(reversed(sizes[place.name])) if place.transposed else sizes[place.name])
        for name, place in public_places(3).items()
    }
    assert len(tensors) == 3 * 12 + 4
    network = convert_gpt2(FILE, tensors, heads=2)
    assert network.shape == digits()
    assert network(torch.zeros(1, 49, dtype=torch.int64), torch.tensor([0])).shape == (1, 49, 256)


def digits() -> GptShape:
    return GptShape(256, 1, 49, layers=3, width=128, heads=2, hidden=512, activation="gelu_tanh", tied=True)


def test_masks_are_left_out() -> None:
    more = gpt2_tensors() | {
        "transformer.h.0.attn.bias": torch.ones(1, 1, 9, 9),
        "transformer.h.1.attn.masked_bias": torch.tensor(-1e4),
    }
    assert torch.equal(logits_of(more), logits_of(gpt2_tensors()))


# --- files ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with a codec of 24 codes."""
    source = write_file(tmp_path / "last.ckpt", vqgan_tensors())
    import_vqgan([source], tmp_path / "model", side=12)
    return tmp_path / "model"


def test_a_file_and_its_configuration(tmp_path: Path, folder: Path) -> None:
    """As safetensors, which is what the library writes today."""
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    save_file(gpt2_tensors(codes=24), weights)
    config.write_text(json.dumps({"n_head": 2, "activation_function": "gelu_new"}))
    out = import_gpt2([weights, config], folder, name="digits")
    assert out == folder / "priors" / "digits.safetensors"
    codec = read_codec(folder / "codec.safetensors")
    network = read_gpt(out, codebook=codec.quantizer.identity)
    assert (network.shape.heads, network.shape.classes, network.shape.tied) == (2, 1, True)
    logits = network(GPT2.tensors["codes"], torch.zeros(3, dtype=torch.int64))
    assert torch.equal(logits[..., :20], logits_of(gpt2_tensors()))
    assert describe_checkpoint(out, "gpt")["provenance"]["licence"].startswith("not known: ask")


# --- what is refused ---


def test_nothing_tells_the_heads(tmp_path: Path, folder: Path) -> None:
    weights = write_file(tmp_path / "pytorch_model.bin", gpt2_tensors(codes=24))
    config = tmp_path / "config.json"
    with pytest.raises(ValueError, match=r"number of heads is not known, .*give --heads"):
        import_gpt2([weights], folder, name="a")
    config.write_text("[1")
    with pytest.raises(ValueError, match=r"config\.json: no configuration"):
        import_gpt2([weights, config], folder, name="a")
    config.write_text('{"n_head": 2, "more": [{"n_head": 4}]}')
    with pytest.raises(ValueError, match=r"config\.json: n_head is 4, after 2"):
        import_gpt2([weights, config], folder, name="a")
    config.write_text('{"n_head": "two"}')
    with pytest.raises(ValueError, match=r"config\.json: n_head is 'two'"):
        import_gpt2([weights, config], folder, name="a")


def test_a_prior_of_other_codes(tmp_path: Path, folder: Path) -> None:
    weights = write_file(tmp_path / "pytorch_model.bin", gpt2_tensors())
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: a prior of 20 codes, but .* has 24"):
        import_gpt2([weights], folder, name="a", heads=2)


def test_matrices_that_were_turned_already() -> None:
    turned = {
        name: tensor.T if "c_attn.weight" in name else tensor for name, tensor in gpt2_tensors().items()
    }
    with pytest.raises(
        ValueError, match=r"h\.0\.attn\.c_attn\.weight is of shape \(48, 16\) instead of \(16, 48\)"
    ):
        convert_gpt2(FILE, turned, heads=2)


def test_a_file_of_something_else() -> None:
    with pytest.raises(ValueError, match=r"last\.ckpt: wte\.weight \(missing\) should be"):
        convert_gpt2(FILE, {"fc.weight": torch.zeros(2, 2)}, heads=2)
