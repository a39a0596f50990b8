"""Imported parts of images where the project's own stand otherwise, opened by their kind."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lass.models.checkpoint import write_checkpoint
from lass.models.codec import open_codec, read_codec
from lass.models.headers import describe_checkpoint, kind_of
from lass.models.parts import open_model, open_network, open_priors
from lass.models.pretrained.gpt import Gpt
from lass.models.pretrained.registry import convert_files
from lass.models.pretrained.vqgan import Vqgan
from lass.models.settings import CodecCheck, PriorOfClass
from lass.models.transformer import Transformer, TransformerPrior
from lass.models.vqvae import Vqvae
from tests.models.pretrained.public_taming import HEADS, fitting_tensors, write_file
from tests.models.toy import (
    counted_from,
    network_of,
    new_codec,
    of_class,
    small_codec,
    write_prior,
    write_table,
)

CLASSES = ["cat", "dog", "eel"]


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """An imported codec, 4 pixels a token, and its prior of three classes, with a context of 9."""
    source = write_file(tmp_path / "last.ckpt", fitting_tensors())
    codec = convert_files("taming-vqgan", [source], tmp_path, options={"side": 12})
    return codec, prior_of(tmp_path, "p", classes=CLASSES)


def prior_of(folder: Path, name: str, **options: object) -> Path:
    given = {"name": name, "heads": HEADS} | options
    return convert_files("taming-transformer", [folder / "last.ckpt"], folder, options=given)


def test_a_model_of_imported_parts(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    codec = open_codec(parts[0], CodecCheck(hop=4), device=torch.device("cpu"), precision="bfloat16")
    assert (codec.image, codec.hop) == ((3, 12, 12), 4)
    described = [of_class(name, prior="p", classes=CLASSES, conditional=True) for name in ("dog", "eel")]
    table = write_table(tmp_path / "table.safetensors", codec.identity, codes=24)
    files: dict[str, Any] = {"likelihood": table, "counted": counted_from(codec.identity)}
    model = open_model(codec, **files, priors=[(parts[1], one) for one in described], length=9)
    dog, eel = model.priors["dog"], model.priors["eel"]
    assert isinstance(dog, TransformerPrior)
    assert isinstance(eel, TransformerPrior)
    assert (dog.class_index, eel.class_index) == (1, 2)
    assert dog.network is eel.network
    assert {weights.dtype for weights in dog.network.parameters()} == {torch.bfloat16}
    with pytest.raises(ValueError, match=r"p\.safetensors: its context of 9 tokens is shorter than .* 10"):
        open_model(codec, **files, priors=[(parts[1], one) for one in described], length=10)
    other = [of_class("dog", prior="p", classes=["dog", "cat"], conditional=True)]
    with pytest.raises(ValueError, match=r"p\.safetensors: trained on the classes \['cat', 'dog', 'eel'\]"):
        open_model(codec, **files, priors=[(parts[1], one) for one in other], length=9)


def test_every_kind_is_read_by_its_reader(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    own, own_prior = tmp_path / "own.safetensors", tmp_path / "own_prior.safetensors"
    write_checkpoint(own, network_of(new_codec(small_codec(stride=4))), provenance={})
    write_prior(own_prior, "abc", trained_on=["cat"])
    assert isinstance(read_codec(parts[0], hop=4), Vqgan)
    assert isinstance(read_codec(own, hop=4), Vqvae)
    described = of_class("cat", prior="p", classes=CLASSES, conditional=True)
    assert isinstance(opened(parts[1], described), Gpt)
    assert isinstance(opened(own_prior, of_class("cat", prior="p")), Transformer)


def opened(path: Path, described: PriorOfClass, *, codebook: str | None = None) -> Any:
    known = describe_checkpoint(path, kind_of(path))["provenance"]["codebook"]
    return open_network(path, described, codebook=codebook or known, length=2)


def test_a_prior_that_is_told_a_number_has_classes_of_any_names(
    tmp_path: Path, parts: tuple[Path, Path]
) -> None:
    """Class-conditional ImageNet; their order is the network's."""
    numbered = prior_of(tmp_path, "numbered", classes=["3"])
    described = of_class("eel", prior="numbered", classes=CLASSES, conditional=True)
    codebook = read_codec(parts[0]).quantizer.identity
    prior = open_priors([(numbered, described)], codebook=codebook, length=9)["eel"]
    named = open_priors([(parts[1], described)], codebook=codebook, length=9)["eel"]
    codes = torch.arange(9)[None]
    assert prior.sequence_loss(codes) == named.sequence_loss(codes)
    with pytest.raises(ValueError, match=r"numbered\.safetensors: has 3 start tokens, but 1 are configured"):
        opened(numbered, of_class("eel", prior="numbered", classes=CLASSES))


def test_what_is_no_codec_or_no_prior(parts: tuple[Path, Path]) -> None:
    described = of_class("cat", prior="p", classes=CLASSES, conditional=True)
    with pytest.raises(ValueError, match=r"p\.safetensors: holds a gpt, but a vqvae is needed"):
        read_codec(parts[1])
    with pytest.raises(ValueError, match=r"codec\.safetensors: holds a vqgan, but a transformer is needed"):
        opened(parts[0], described)
    with pytest.raises(ValueError, match=r"codec\.safetensors: tokens of 4 pixels a side, but 8 are config"):
        read_codec(parts[0], hop=8)
    with pytest.raises(ValueError, match=r"codec\.safetensors: a codec of images, but the data has 44100 Hz"):
        read_codec(parts[0], rate=44_100)
    with pytest.raises(ValueError, match=r"p\.safetensors: imported for codes of codebook .* has ffff"):
        opened(parts[1], described, codebook="ffff")
