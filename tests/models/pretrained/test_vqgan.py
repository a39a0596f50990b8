"""The VQ-GAN's network against loops over single numbers, and as a codec."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.codec import CodecAt
from lass.models.pretrained.stored import shapes_of, without_memory
from lass.models.pretrained.taming import convert_vqgan, published_name
from lass.models.pretrained.vqgan import AT_ONCE, Level, Vqgan, VqganShape
from tests.models.pretrained import naive
from tests.models.pretrained.public_taming import FILE
from tests.recorded.weights import weight

SIDE, GROUPS, COLOURS = 4, 2, 2


def small(**changes: Any) -> VqganShape:
    """Two levels, a shortcut in the encoder and one in the decoder, attention at the lower level."""
    sizes: dict[str, Any] = {
        "codes": 12,
        "code_channels": 3,
        "latent_channels": 5,
        "stem": 4,
        "channels": (4, 6),
        "encoder_blocks": 1,
        "decoder_blocks": 2,
        "attending": (1,),
        "image": (COLOURS, SIDE, SIDE),
        "groups": GROUPS,
    }
    return VqganShape(**(sizes | changes))


def published(shape: VqganShape) -> dict[str, np.ndarray]:
    """Weights by formula under published names."""
    names = {published_name(name): size for name, size in shapes_of(without_memory(Vqgan, shape)).items()}
    return {name: weight(name, tuple(size)) for name, size in names.items()}


def build(shape: VqganShape) -> Vqgan:
    tensors = {name: torch.from_numpy(array) for name, array in published(shape).items()}
    network = convert_vqgan(FILE, tensors, side=shape.image[1], groups=shape.groups)
    assert network.shape == shape
    return network


def draw(number: int, shape: VqganShape) -> Tensor:
    """Images [B, T] in [0, 1]."""
    return torch.rand(number, int(np.prod(shape.image)), generator=torch.Generator().manual_seed(3))


def test_an_image_is_encoded_and_decoded_as_by_hand() -> None:
    shape = small()
    network, images, weights = build(shape), draw(2, shape), naive.Weights(published(shape))
    codes = network.encode(images)
    decoded = network.decode(codes).numpy()
    for number, row in enumerate(images.double().numpy()):
        latents = naive.encoded(row.reshape(shape.image), weights, levels=2, groups=GROUPS)
        found = network.latents(images)[number]  # [S, C]
        np.testing.assert_allclose(found.numpy(), latents.reshape(3, -1).T, atol=1e-5)
        codebook = weights.tensors["quantize.embedding.weight"]
        assert codes[number].tolist() == naive.nearest(latents, codebook)
        grid = codebook[codes[number].numpy()].T.reshape(3, 2, 2)
        expected = naive.decoded(grid, weights, levels=2, groups=GROUPS)
        np.testing.assert_allclose(decoded[number], expected.ravel(), atol=1e-5)
        assert expected.std() > 0.05
    assert len(codes.unique()) > 2


def test_pixels_that_hardly_differ_are_normalised_as_by_hand() -> None:
    """With a variance as small as what is added to it, so that a greater or smaller addition shows."""
    norm = build(small()).encoder.norm
    x = 1e-3 * torch.randn(1, 6, 3, 3, generator=torch.Generator().manual_seed(1))
    expected = naive.grouped(
        x[0].double().numpy(), norm.weight.double().numpy(), norm.bias.double().numpy(), GROUPS
    )
    np.testing.assert_allclose(norm(x)[0].numpy(), expected, atol=1e-5)


def test_zeros_stand_at_the_right_and_below() -> None:
    """What halves an image sees three columns from its own on: its first output does not see a pixel left."""
    level = build(small()).encoder.levels[0]
    assert isinstance(level, Level)
    halving = level.resize
    assert halving is not None
    image = torch.zeros(1, 4, 4, 4)
    image[0, :, :, 2] = 1.0
    seen = (halving(image) - halving(torch.zeros_like(image))).abs().amax(dim=(0, 1, 2))  # [columns]
    assert (seen > 1e-3).tolist() == [True, True]
    image = torch.zeros(1, 4, 4, 4)
    image[0, :, :, 1] = 1.0
    seen = (halving(image) - halving(torch.zeros_like(image))).abs().amax(dim=(0, 1, 2))
    assert (seen > 1e-3).tolist() == [True, False]


def test_images_are_numbers_from_0_to_1() -> None:
    network = build(small())
    loud = network.synthesise(100 * torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0)))
    assert (float(loud.min()), float(loud.max())) == (0.0, 1.0)


def test_it_is_a_codec() -> None:
    shape = small()
    codec = CodecAt(build(shape), "float32")
    images = draw(AT_ONCE + 3, shape)
    codes = codec.encode(images)
    assert torch.equal(codec.encode(images[-1:]), codes[-1:])
    assert codes.shape == (AT_ONCE + 3, 4)
    assert (codec.hop, codec.image, codec.margin) == (2, (COLOURS, SIDE, SIDE), 4)
    assert codec.codebook.shape == (12, 3)
    assert torch.equal(codec.embed(codes), codec.codebook[codes])
    decoded = codec.decode(codes)
    assert decoded.shape == images.shape
    torch.testing.assert_close(decoded[-1:], codec.synthesise(codec.embed(codes[-1:])), atol=1e-5, rtol=0)
    assert len(codec.identity) == 16
    low = CodecAt(build(shape), "bfloat16")
    assert low.identity == codec.identity
    assert torch.equal(low.encode(images), codes)
    roughly = low.decode(codes)
    assert roughly.dtype == torch.float32
    torch.testing.assert_close(roughly, codec.decode(codes), atol=0.05, rtol=0)


def test_gradients_reach_the_latents() -> None:
    codec = CodecAt(build(small()), "float32")
    latents = codec.embed(torch.arange(4)[None]).clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(codec.synthesise(latents).square().sum(), latents)
    assert (gradient.abs().amax(-1) > 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": (4, 5)}, "5 channels must be a multiple of 2 groups"),
        ({"image": (1, 4, 3)}, "4 x 3 pixels: both must be positive multiples of the hop 2"),
    ],
)
def test_shapes_that_cannot_be_built(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)
