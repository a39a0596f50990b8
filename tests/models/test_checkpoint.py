"""Checkpoints: what is written is what is read, the same bytes in every process, and nothing foreign."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lass.models.checkpoint import new_network, read_transformer, read_vqvae, write_checkpoint
from lass.models.headers import FORM, VERSION, describe_checkpoint
from lass.models.transformer import Transformer, TransformerShape
from lass.models.vqvae import Vqvae, VqvaeShape
from lass.storage import read_header, read_tensors, write_tensors

ROOT = Path(__file__).parents[2]
CODEBOOK = "0123456789abcdef"
PROVENANCE = {"codebook": CODEBOOK, "classes": ["drums"], "seed": 4, "training": {"best_loss": 1 / 3}}


def transformer() -> Transformer:
    shape = TransformerShape(codes=9, classes=2, context=6, layers=2, width=8, heads=2, kv_heads=1)
    network: Transformer = new_network(Transformer, shape, seed=1)
    return network


def vqvae() -> Vqvae:
    shape = VqvaeShape(
        codes=5,
        code_channels=3,
        strides=(2, 4),
        channels=(4, 6),
        encoder_blocks=1,
        decoder_blocks=1,
        encoder_dilation=1,
        decoder_dilation=2,
    )
    network: Vqvae = new_network(Vqvae, shape, seed=2)
    generator = torch.Generator().manual_seed(0)
    network.quantizer.codebook.copy_(torch.rand(5, 3, generator=generator) / 3)
    return network


def write(path: Path, network: Vqvae | Transformer) -> Path:
    write_checkpoint(path, network, provenance=PROVENANCE)
    return path


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    return write(tmp_path / "prior.safetensors", transformer())


@pytest.fixture
def codec(tmp_path: Path) -> Path:
    return write(tmp_path / "vqvae.safetensors", vqvae())


def test_a_transformer_comes_back_rounded_to_half_precision(prior: Path) -> None:
    network, read = transformer(), read_transformer(prior)
    assert read.shape == network.shape
    assert not read.training
    assert not any(parameter.requires_grad for parameter in read.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(read.state_dict()[name], tensor.half().float()), name


def test_a_codebook_comes_back_exactly(codec: Path) -> None:
    network, read = vqvae(), read_vqvae(codec)
    assert read.shape == network.shape
    assert isinstance(read.shape.strides, tuple)
    assert not read.training
    assert read.quantizer.identity == network.quantizer.identity
    for name, tensor in network.state_dict().items():
        exact = name.startswith("quantizer.")
        assert torch.equal(read.state_dict()[name], tensor if exact else tensor.half().float()), name


def test_provenance_is_kept(prior: Path, codec: Path) -> None:
    assert describe_checkpoint(prior, "transformer")["provenance"] == PROVENANCE
    assert describe_checkpoint(codec, "vqvae")["shape"]["strides"] == [2, 4]


@pytest.mark.parametrize(("build", "read"), [(transformer, read_transformer), (vqvae, read_vqvae)])
def test_writing_what_was_read_gives_the_same_bytes(
    tmp_path: Path, build: Callable[[], Any], read: Callable[[Path], Any]
) -> None:
    first = write(tmp_path / "first.safetensors", build())
    second = write(tmp_path / "second.safetensors", read(first))
    assert first.read_bytes() == second.read_bytes()


def test_another_process_writes_the_same_bytes(tmp_path: Path, prior: Path, codec: Path) -> None:
    """With another hash seed, so that no order of a set or dictionary gets into the file."""
    script = (
        "import sys; from pathlib import Path; from tests.models.test_checkpoint import *;"
        "folder = Path(sys.argv[1]);"
        "write(folder / 'p.safetensors', transformer()); write(folder / 'v.safetensors', vqvae())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    assert (tmp_path / "p.safetensors").read_bytes() == prior.read_bytes()
    assert (tmp_path / "v.safetensors").read_bytes() == codec.read_bytes()


SHIPPED = ROOT / "lass" / "shipped" / "slakh-mini"


def test_checkpoints_from_before_images_still_load() -> None:
    """Their headers lack what came later: the defaults are what they were trained with."""
    stored = describe_checkpoint(SHIPPED / "codec.safetensors", "vqvae")["shape"]
    assert not {"image", "overlap", "normalise", "encoder_kernel"} & stored.keys()
    codec = read_vqvae(SHIPPED / "codec.safetensors", rate=None, hop=64)
    shape = codec.shape
    assert (shape.image, shape.overlap, shape.normalise, shape.encoder_kernel) == (None, True, False, 3)
    codes = codec.encode(torch.randn(1, 64 * 20, generator=torch.Generator().manual_seed(0)))
    assert codes.shape == (1, 20)
    assert codec.decode(codes).shape == (1, 64 * 20)
    stored = describe_checkpoint(SHIPPED / "priors" / "bass.safetensors", "transformer")["shape"]
    assert not {"absolute", "activation"} & stored.keys()
    prior = read_transformer(SHIPPED / "priors" / "bass.safetensors", codebook=codec.quantizer.identity)
    assert (prior.shape.absolute, prior.shape.activation) == (False, "gelu")


def test_a_header_without_the_later_fields_is_read_by_their_defaults(prior: Path, codec: Path) -> None:
    later = {"image", "overlap", "normalise", "encoder_kernel", "absolute", "activation"}
    for path, kind, read in ((prior, "transformer", read_transformer), (codec, "vqvae", read_vqvae)):
        shape = describe_checkpoint(path, kind)["shape"]
        expected = read(path).state_dict()
        rewrite(path, shape={name: value for name, value in shape.items() if name not in later})
        assert len(describe_checkpoint(path, kind)["shape"]) < len(shape)
        found = read(path).state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("changes", [{"absolute": True}, {"activation": "silu"}])
def test_a_transformer_with_the_later_fields_comes_back(tmp_path: Path, changes: dict[str, Any]) -> None:
    shape = replace(transformer().shape, **changes)
    network: Transformer = new_network(Transformer, shape, seed=1)
    read = read_transformer(write(tmp_path / "prior.safetensors", network))
    assert read.shape == shape
    assert read.state_dict().keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(read.state_dict()[name], tensor.half().float()), name


# --- what is refused ---


def rewrite(path: Path, *, form: str = FORM, version: int = VERSION, **fields: Any) -> None:
    """The same tensors under another header."""
    header = read_header(path, form=FORM, version=VERSION)
    kept = {name: value for name, value in header.items() if name not in ("form", "version")}
    tensors = {name: tensor.clone() for name, tensor in read_tensors(path).items()}
    write_tensors(path, tensors, form=form, version=version, fields=kept | fields)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.999])
def test_a_truncated_file(prior: Path, share: float) -> None:
    content = prior.read_bytes()
    prior.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"prior\.safetensors: damaged or truncated .*make it again"):
        read_transformer(prior)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors: no such file"):
        read_vqvae(tmp_path / "nowhere.safetensors")


def test_the_wrong_kind(prior: Path, codec: Path) -> None:
    with pytest.raises(ValueError, match=r"prior\.safetensors: holds a transformer, but a vqvae is needed"):
        read_vqvae(prior)
    with pytest.raises(ValueError, match=r"vqvae\.safetensors: holds a vqvae, but a transformer is needed"):
        read_transformer(codec)


def test_a_prior_of_another_codebook(prior: Path) -> None:
    assert read_transformer(prior, codebook=CODEBOOK) is not None
    with pytest.raises(ValueError, match=r"prior\.safetensors: trained on codes of codebook 0123.*has ffff"):
        read_transformer(prior, codebook="ffff")


def test_an_unknown_format_or_version(prior: Path) -> None:
    rewrite(prior, version=VERSION + 1)
    with pytest.raises(ValueError, match=f"prior.safetensors: format '{FORM}' version {VERSION + 1}"):
        read_transformer(prior)


def test_a_file_of_another_make(prior: Path) -> None:
    rewrite(prior, form="lass.likelihood")
    with pytest.raises(ValueError, match=r"prior\.safetensors: format 'lass\.likelihood'"):
        read_transformer(prior)


def test_weights_that_do_not_fit_the_shape(prior: Path) -> None:
    shape = describe_checkpoint(prior, "transformer")["shape"]
    rewrite(prior, shape=shape | {"layers": 3})
    with pytest.raises(ValueError, match=r"prior\.safetensors: weights do not fit the shape"):
        read_transformer(prior)


def test_a_header_without_its_parts(prior: Path) -> None:
    tensors = {name: tensor.clone() for name, tensor in read_tensors(prior).items()}
    write_tensors(prior, tensors, form=FORM, version=VERSION, fields={"kind": "transformer"})
    with pytest.raises(ValueError, match=r"prior\.safetensors: damaged .*lacks shape, provenance"):
        read_transformer(prior)


def test_a_codec_of_another_rate_or_hop(tmp_path: Path, codec: Path) -> None:
    assert read_vqvae(codec, rate=8000, hop=8).shape.hop == 8  # it does not say its rate
    with pytest.raises(ValueError, match=r"vqvae\.safetensors: 8 samples per token, but .*strides give 64"):
        read_vqvae(codec, hop=64)
    rated = tmp_path / "rated.safetensors"
    write_checkpoint(rated, vqvae(), provenance={"sample_rate": 16000})
    assert read_vqvae(rated, rate=16000) is not None
    with pytest.raises(ValueError, match=r"rated\.safetensors: trained at 16000 Hz, but sample_rate is 8000"):
        read_vqvae(rated, rate=8000)


def test_weights_that_are_said_to_be_integers(prior: Path) -> None:
    """One byte of the header: every number would be another."""
    content = prior.read_bytes()
    assert content.count(b'"F16"') > 1
    prior.write_bytes(content.replace(b'"F16"', b'"I16"', 1))
    with pytest.raises(ValueError, match=r"is \[.*\] of integers, and \[.*\] of floats is wanted"):
        read_transformer(prior)


@pytest.mark.parametrize("entry", [{"shape": [1]}, {"provenance": None}, {"provenance": 3}])
def test_a_header_whose_parts_are_none(prior: Path, entry: dict[str, Any]) -> None:
    rewrite(prior, **entry)
    with pytest.raises(ValueError, match=r"prior\.safetensors: damaged .*its (shape|provenance) is "):
        describe_checkpoint(prior, "transformer")
