"""Published VQ-GANs: what the original makes of the same weights, and what is no such file."""

import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from lass.models.checkpoint import read_transformer, read_vqvae
from lass.models.codec import CodecAt
from lass.models.headers import describe_checkpoint
from lass.models.pretrained.gpt import GptShape, read_gpt
from lass.models.pretrained.registry import TAMING_LICENCE
from lass.models.pretrained.stored import shapes_of, tensors_of
from lass.models.pretrained.taming import (
    convert_transformer,
    convert_vqgan,
    import_transformer,
    import_vqgan,
    published_name,
    transformer_layout,
)
from lass.models.pretrained.vqgan import Vqgan, VqganShape, read_vqgan
from lass.models.transformer import TransformerPrior
from tests.models.pretrained.public_taming import (
    FILE,
    HEADS,
    fitting_tensors,
    transformer_tensors,
    vqgan_tensors,
    write_file,
)
from tests.recorded.reading import Recorded, recorded
from tests.recorded.weights import drawn

TINY = recorded("taming_vqgan")
GPT = recorded("taming_gpt")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The file of a transformer, with its VQ-GAN."""
    return write_file(tmp_path / "last.ckpt", fitting_tensors())


@pytest.fixture
def folder(tmp_path: Path, published: Path) -> Path:
    """A model's folder with the codec of that file."""
    import_vqgan([published], tmp_path / "model", side=16)
    return tmp_path / "model"


# --- against the original ---


def test_codes_and_images_are_the_originals() -> None:
    codec = CodecAt(convert_vqgan(FILE, TINY.published, side=16), "float32")
    images, expected = TINY.tensors["images"].flatten(1), TINY.tensors
    torch.testing.assert_close(codec.latents(images), expected["latents"], atol=1e-5, rtol=1e-5)
    assert torch.equal(codec.encode(images), expected["codes"])
    assert len(expected["codes"].unique()) > 10
    decoded = codec.decode(expected["codes"])
    torch.testing.assert_close(decoded, expected["decoded"].flatten(1), atol=1e-4, rtol=0)
    assert expected["decoded"].std() > 0.1


def test_the_shape_is_that_of_the_tensors() -> None:
    network = convert_vqgan(FILE, TINY.published, side=32)
    assert network.shape == VqganShape(
        codes=24,
        code_channels=6,
        latent_channels=8,
        stem=32,
        channels=(32, 32, 64),
        encoder_blocks=1,
        decoder_blocks=2,
        attending=(2,),
        image=(3, 32, 32),
    )
    assert (network.shape.hop, network.shape.grid, network.margin) == (4, (8, 8), 64)
    assert network.encode(torch.rand(2, 3 * 32 * 32)).shape == (2, 64)


def test_the_layout_of_the_full_size_is_known_by_name_and_shape() -> None:
    """All 343 tensors of the original, none of which has to be made for that."""
    layout = recorded("taming_vqgan_full").fields["layout"]
    shape = VqganShape(
        codes=1024,
        code_channels=256,
        latent_channels=256,
        stem=128,
        channels=(128, 128, 256, 256, 512),
        encoder_blocks=2,
        decoder_blocks=3,
        attending=(4,),
        image=(3, 256, 256),
    )
    with torch.device("meta"):
        shapes = shapes_of(Vqgan(shape))
    assert {published_name(name): list(size) for name, size in shapes.items()} == layout
    assert len(layout) == 343
    assert sum(size.numel() for size in shapes.values()) == 72_141_699


@pytest.mark.slow
def test_the_full_size_does_what_the_original_does() -> None:
    full: Recorded = recorded("taming_vqgan_full")
    codec = convert_vqgan(FILE, full.published)
    pixels = torch.from_numpy(drawn("images", (1, 3, 64, 64)) + 1) / 2
    images = functional.interpolate(pixels, scale_factor=4.0, mode="bilinear")
    every = full.fields["every"]
    torch.testing.assert_close(images[..., ::every, ::every], full.tensors["images"])
    latents = codec.latents(images.flatten(1))
    torch.testing.assert_close(latents[:, ::every], full.tensors["latents"], atol=1e-4, rtol=1e-4)
    assert torch.equal(codec.encode(images.flatten(1)), full.tensors["codes"])
    decoded = codec.decode(full.tensors["codes"]).unflatten(1, (3, 256, 256))[..., ::every, ::every]
    torch.testing.assert_close(decoded, full.tensors["decoded"], atol=1e-4, rtol=0)


def test_logits_are_the_originals() -> None:
    network = convert_transformer(FILE, transformer_tensors(), heads=HEADS, classes=20)
    assert (network.shape.activation, network.shape.tied, network.shape.hidden) == ("gelu", False, 64)
    logits = network(GPT.tensors["codes"], GPT.tensors["classes"])
    torch.testing.assert_close(logits, GPT.tensors["logits"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "tensors", "numbers"),
    [
        (GptShape(1024, 1, 256, layers=24, width=1664, heads=16, hidden=6656), 413 - 24, 801_798_400),
        (GptShape(16384, 1000, 256, layers=48, width=1536, heads=24, hidden=6144), 821 - 48, 1_410_640_896),
    ],
    ids=["celebahq", "imagenet"],
)
def test_the_published_transformers_have_as_many_tensors(shape: GptShape, tensors: int, numbers: int) -> None:
    """The counts that are known of them, without the masks; the names are those of the recorded one."""
    layout = transformer_layout(shape)
    assert len(layout) == tensors
    assert sum(torch.Size(size).numel() for size in layout.values()) == numbers


# --- files ---


def test_a_vqgan_comes_back_from_its_file(tmp_path: Path) -> None:
    source = write_file(tmp_path / "last.ckpt", vqgan_tensors())
    out = import_vqgan([source], tmp_path / "model", side=16)
    assert out == tmp_path / "model" / "codec.safetensors"
    read, made = read_vqgan(out, hop=4), convert_vqgan(FILE, TINY.published, side=16)
    assert read.shape == made.shape
    assert read.quantizer.identity == made.quantizer.identity
    assert not read.training
    assert not any(parameter.requires_grad for parameter in read.parameters())
    assert read.state_dict().keys() == made.state_dict().keys()
    for name, tensor in tensors_of(made).items():
        assert torch.equal(read.state_dict()[name], tensor), name
    images = TINY.tensors["images"].flatten(1)
    assert torch.equal(read.encode(images), TINY.tensors["codes"])
    provenance = describe_checkpoint(out, "vqgan")["provenance"]
    assert (provenance["file"], provenance["licence"]) == ("last.ckpt", TAMING_LICENCE)
    assert provenance["codebook"] == made.quantizer.identity


def test_numbers_of_half_precision_become_float32(tmp_path: Path) -> None:
    halves = {name: tensor.half() for name, tensor in TINY.published.items()}
    source = write_file(tmp_path / "last.ckpt", halves)
    network = read_vqgan(import_vqgan([source], tmp_path, side=16))
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
    assert torch.equal(network.quantizer.codebook, halves["quantize.embedding.weight"].float())


def test_the_parts_of_a_transformers_file_belong_together(tmp_path: Path, folder: Path) -> None:
    masks = {"transformer.blocks.1.attn.mask": torch.ones(1, 1, 9, 9)}
    source = write_file(tmp_path / "masked.ckpt", fitting_tensors() | masks)
    codec, names = read_vqgan(folder / "codec.safetensors"), [f"n{index}" for index in range(4)]
    path = import_transformer([source], folder, name="animals", heads=HEADS, classes=names)
    assert path == folder / "priors" / "animals.safetensors"
    network = read_gpt(path, codebook=codec.quantizer.identity)
    assert network.shape.classes == 4
    assert describe_checkpoint(path, "gpt")["provenance"]["classes"] == names
    prior, codes = TransformerPrior(network, class_index=3), GPT.tensors["codes"][1:2]
    expected = GPT.tensors["logits"][1].log_softmax(-1)  # the row after class 3, of the 20 codes recorded
    state = prior.start(1, 9)
    steps = [prior.log_probs(None if s == 0 else codes[:, s - 1], state)[0, :20] for s in range(9)]
    torch.testing.assert_close(torch.stack(steps).log_softmax(-1), expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match=r"animals\.safetensors: imported for codes of codebook .*has ffff"):
        read_gpt(path, codebook="ffff")


def test_the_heads_are_in_the_published_configuration(tmp_path: Path, published: Path, folder: Path) -> None:
    project = tmp_path / "2021-04-23T18-11-19-project.yaml"
    params = "vocab_size: 24\n        block_size: 9\n        n_head: 2\n"
    project.write_text(f"model:\n  params:\n    transformer_config:\n      params:\n        {params}")
    out = import_transformer([published, project], folder, name="face")
    assert (read_gpt(out).shape.heads, read_gpt(out).shape.classes) == (2, 1)
    assert "classes" not in describe_checkpoint(out, "gpt")["provenance"]
    with pytest.raises(
        ValueError, match="the number of heads is not known, and no tensor tells it: give --heads"
    ):
        import_transformer([published], folder, name="face")


def test_a_codec_of_another_file(tmp_path: Path, published: Path) -> None:
    other = vqgan_tensors()
    other["quantize.embedding.weight"] = other["quantize.embedding.weight"] + 1
    folder = tmp_path / "other"
    with pytest.raises(FileNotFoundError, match=r"import the codec into .*other first"):
        import_transformer([published], folder, name="face", heads=HEADS)
    import_vqgan([write_file(tmp_path / "other.ckpt", other)], folder, side=16)
    with pytest.raises(ValueError, match=r"last\.ckpt: holds another codebook than .*codec\.safetensors"):
        import_transformer([published], folder, name="face", heads=HEADS)
    source = write_file(tmp_path / "less.ckpt", transformer_tensors())
    with pytest.raises(
        ValueError, match=r"less\.ckpt: a prior of 20 codes, but the codec in the folder has 24"
    ):
        import_transformer([source], folder, name="face", heads=HEADS)
    assert not (folder / "priors").exists()


def test_losses_are_left_out() -> None:
    more = TINY.published | {"loss.discriminator.main.0.weight": torch.zeros(2, 2)}
    assert convert_vqgan(FILE, more, side=16).shape.codes == 24


# --- what is refused ---


def test_a_missing_an_unknown_and_a_misshaped_tensor_are_named() -> None:
    name = "encoder.mid.attn_1.q.weight"
    missing = {key: tensor for key, tensor in TINY.published.items() if key != name}
    with pytest.raises(ValueError, match=rf"last\.ckpt: lacks {name}"):
        convert_vqgan(FILE, missing, side=16)
    with pytest.raises(ValueError, match=r"last\.ckpt: has tensors that are not known: encoder\.extra"):
        convert_vqgan(FILE, TINY.published | {"encoder.extra": torch.zeros(1)}, side=16)
    with pytest.raises(ValueError, match=rf"{name} is of shape \(64, 32, 1, 1\) instead of \(64, 64, 1, 1\)"):
        convert_vqgan(FILE, TINY.published | {name: torch.zeros(64, 32, 1, 1)}, side=16)


def test_many_wrong_names_are_counted() -> None:
    tensors = TINY.published | {f"extra.{index}": torch.zeros(1) for index in range(9)}
    with pytest.raises(ValueError, match=r"extra\.0, extra\.1, extra\.2, extra\.3, extra\.4 and 4 more"):
        convert_vqgan(FILE, tensors, side=16)


def test_a_file_of_something_else() -> None:
    with pytest.raises(ValueError, match=r"quantize\.embedding\.weight \(missing\) should be a tensor of 2"):
        convert_vqgan(FILE, {"fc": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match=r"last\.ckpt: has no transformer, but decoder\.conv_in\.bias"):
        convert_transformer(FILE, TINY.published, heads=2)
    with pytest.raises(ValueError, match=r"embedding\.weight \(\(2,\)\) should be a tensor of 2 dimensions"):
        convert_vqgan(FILE, {"quantize.embedding.weight": torch.zeros(2)})


def test_a_vqgan_without_levels() -> None:
    tensors = {name: tensor for name, tensor in TINY.published.items() if "encoder.down" not in name}
    with pytest.raises(ValueError, match=r"encoder\.down\.0\.block\.0\.conv1\.weight \(missing\)"):
        convert_vqgan(FILE, tensors, side=16)


def test_a_transformer_without_one_of_its_tensors() -> None:
    tensors = transformer_tensors()
    del tensors["transformer.blocks.1.attn.key.bias"]
    with pytest.raises(ValueError, match=r"lacks blocks\.1\.attn\.key\.bias"):
        convert_transformer(FILE, tensors, heads=2)


def test_a_transformer_that_is_told_more_than_a_class() -> None:
    more = transformer_tensors() | {"cond_stage_model.quantize.embedding.weight": torch.zeros(8, 6)}
    with pytest.raises(ValueError, match=r"is told more than a class: cond_stage_model\.quantize"):
        convert_transformer(FILE, more, heads=2)


def test_images_of_another_size() -> None:
    network = convert_vqgan(FILE, TINY.published, side=16)
    with pytest.raises(ValueError, match=r"images of 48 numbers do not fit \(3, 16, 16\)"):
        network.encode(torch.zeros(1, 48))
    with pytest.raises(ValueError, match="18 x 18 pixels: both must be positive multiples of the hop 4"):
        convert_vqgan(FILE, TINY.published, side=18)


def test_the_wrong_kind_of_file(published: Path, folder: Path) -> None:
    codec = folder / "codec.safetensors"
    prior = import_transformer([published], folder, name="face", heads=HEADS)
    with pytest.raises(ValueError, match=r"codec\.safetensors: holds a vqgan, but a vqvae is needed"):
        read_vqvae(codec)
    with pytest.raises(ValueError, match=r"codec\.safetensors: holds a vqgan, but a gpt is needed"):
        read_gpt(codec)
    with pytest.raises(ValueError, match=r"face\.safetensors: holds a gpt, but a vqgan is needed"):
        read_vqgan(prior)
    with pytest.raises(ValueError, match=r"face\.safetensors: holds a gpt, but a transformer is needed"):
        read_transformer(prior)


def test_files_of_which_one_alone_is_taken(tmp_path: Path, published: Path) -> None:
    again = Path(shutil.copy(published, tmp_path / "again.ckpt"))
    with pytest.raises(ValueError, match="taming-vqgan is made of one file, but 2 are given"):
        import_vqgan([published, again], tmp_path / "model")
    with pytest.raises(ValueError, match="taming-vqgan is made of one file, but 0 are given"):
        import_vqgan([tmp_path / "project.yaml"], tmp_path / "model")
    assert not (tmp_path / "model").exists()
