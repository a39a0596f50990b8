"""The VQ-VAE in two dimensions: pixels channel by channel, codes in raster order, patches apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.checkpoint import new_network, read_vqvae, write_checkpoint
from lass.models.headers import describe_checkpoint
from lass.models.vqvae import Vqvae, VqvaeShape, log_error

MNIST = Path(__file__).parents[2] / "lass" / "shipped" / "mnist" / "codec.safetensors"
SHAPES: list[dict[str, Any]] = [
    {},
    {"image": (3, 8, 12)},
    {"image": (1, 12, 4), "strides": (4,), "channels": (5,), "overlap": True, "encoder_kernel": 3},
    {"image": (2, 16, 8), "strides": (2, 4), "channels": (5, 6), "normalise": True, "encoder_blocks": 0},
]


def build(**changes: Any) -> Vqvae:
    """A small network with a code for every 4 x 4 patch, and a codebook drawn from its own latents."""
    fields: dict[str, Any] = {
        "codes": 32,
        "code_channels": 4,
        "strides": (2, 2),
        "channels": (6, 8),
        "encoder_blocks": 1,
        "decoder_blocks": 1,
        "encoder_dilation": 1,
        "decoder_dilation": 2,
        "encoder_kernel": 1,
        "overlap": False,
        "image": (1, 12, 8),
    }
    network: Vqvae = new_network(Vqvae, VqvaeShape(**(fields | changes)), seed=3)
    with torch.no_grad():
        network.quantizer.update(network.latents(draw(network.shape, 40)), np.random.default_rng(0))
    return network.eval().requires_grad_(False)


def draw(shape: VqvaeShape, batch: int, *, seed: int = 0) -> Tensor:
    """Rows of pixels in [0, 1] [B, T]."""
    assert shape.image is not None
    return torch.from_numpy(np.random.default_rng(seed).random((batch, int(np.prod(shape.image))))).float()


@pytest.mark.parametrize("changes", SHAPES)
def test_shapes_and_ranges(changes: dict[str, Any]) -> None:
    network = build(**changes)
    shape = network.shape
    assert shape.image is not None
    colours, rows, columns = shape.image
    assert shape.grid == (rows // shape.hop, columns // shape.hop)
    assert shape.inputs == colours
    tokens = shape.grid[0] * shape.grid[1]
    for batch in (1, 3):
        images = draw(shape, batch)
        codes = network.encode(images)
        assert network.latents(images).shape == (batch, tokens, 4)
        assert codes.shape == (batch, tokens)
        assert codes.dtype == torch.int64
        decoded = network.decode(codes)
        assert decoded.shape == images.shape
        assert ((decoded > 0) & (decoded < 1)).all()
        assert torch.equal(decoded, network.synthesise(network.embed(codes)))
    assert len(network.encode(draw(shape, 20)).unique()) > 2


def test_extreme_latents_decode_to_pixels() -> None:
    network = build()
    decoded = network.synthesise(torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(0)) * 1e4)
    assert ((decoded >= 0) & (decoded <= 1)).all()
    assert decoded.min() < 0.01
    assert decoded.max() > 0.99


@pytest.mark.parametrize("colours", [1, 3])
def test_a_patch_decides_its_own_code_alone(colours: int) -> None:
    """Without overlap and neighbours: other pixels in one 4 x 4 patch change one latent, in raster order."""
    network = build(image=(colours, 12, 8))
    images = draw(network.shape, 2)
    latents = network.latents(images)
    for patch in range(6):
        row, column = 4 * (patch // 2), 4 * (patch % 2)  # two patches across
        other = images.clone().unflatten(1, (colours, 12, 8))
        other[:, :, row : row + 4, column : column + 4] += 0.3
        changed = (network.latents(other.flatten(1)) != latents).any(dim=-1)  # [B, S]
        assert changed.sum(dim=1).tolist() == [1, 1]
        assert changed[:, patch].all()


def test_every_pixel_of_a_patch_counts() -> None:
    """A pixel of any colour changes the latent of the patch that it lies in."""
    network = build(image=(2, 8, 8)).double()
    images = draw(network.shape, 1).double()
    latents = network.latents(images)
    for pixel in range(2 * 8 * 8):
        other = images.clone()
        other[0, pixel] += 0.5
        row, column = pixel // 8 % 8, pixel % 8
        changed = (network.latents(other) != latents).any(dim=-1)[0]
        assert changed.nonzero()[:, 0].tolist() == [row // 4 * 2 + column // 4]


@pytest.mark.parametrize(
    "changes", [{"overlap": True}, {"encoder_kernel": 3, "strides": (4,), "channels": (6,)}]
)
def test_with_overlap_or_a_wider_kernel_neighbours_count(changes: dict[str, Any]) -> None:
    """A change reaches the patches beside its own, and no others."""
    network = build(image=(1, 20, 20), **changes).double()
    images = draw(network.shape, 1).double()
    other = images.clone().unflatten(1, (1, 20, 20))
    other[:, :, 8:12, 8:12] += 0.3
    changed = (network.latents(other.flatten(1)) != network.latents(images)).any(dim=-1)[0].view(5, 5)
    near = torch.zeros(5, 5, dtype=torch.bool)
    near[1:4, 1:4] = True
    assert torch.equal(changed, near)


def test_a_code_is_decoded_where_its_patch_lies() -> None:
    """Another code in one place changes most of what is there, and nothing far away."""
    network = build(image=(1, 40, 32), decoder_blocks=0)
    rng = np.random.default_rng(1)
    codes = torch.from_numpy(rng.integers(32, size=(1, 80)))
    for place in (0, 7, 35, 79):
        other = codes.clone()
        other[0, place] = (other[0, place] + 1) % 32
        changed = (network.decode(other) - network.decode(codes)).abs().view(40, 32)
        row, column = 4 * (place // 8), 4 * (place % 8)
        assert changed[row : row + 4, column : column + 4].min() > 0
        far = torch.ones(40, 32, dtype=torch.bool)
        far[max(0, row - 8) : row + 12, max(0, column - 8) : column + 12] = False
        assert (changed[far] == 0).all()


def test_an_image_has_the_same_codes_in_any_batch() -> None:
    network = read_vqvae(MNIST)
    images = draw(network.shape, 9)
    together = network.encode(images)
    assert torch.equal(together, torch.cat([network.encode(image[None]) for image in images]))
    assert torch.equal(together[[4, 2]], network.encode(images[[4, 2]]))


@pytest.mark.parametrize("pixels", [0, 1, 95, 97, 192])
def test_images_of_another_size(pixels: int) -> None:
    network = build()
    for function in (network.encode, network.latents):
        with pytest.raises(
            ValueError, match=rf"images of {pixels} numbers do not fit \(1, 12, 8\).*resize them first"
        ):
            function(torch.zeros(1, pixels))


# --- training ---


def test_the_loss_is_the_weighted_sum_and_reaches_every_weight() -> None:
    network = new_network(Vqvae, build().shape, seed=0, commitment=0.25, spectral=99.0).train()
    images = draw(network.shape, 8)
    losses = network.training_loss(images, np.random.default_rng(0))
    assert losses.keys() == {"loss", "pixels", "commitment"}
    torch.testing.assert_close(losses["loss"], losses["pixels"] + 0.25 * losses["commitment"])
    losses["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_log_error_by_hand() -> None:
    images = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    decoded = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    expected = (np.log(0.25 + 0.01) + np.log(0.01)) / 2
    assert float(log_error(decoded, images, floor=0.01)) == pytest.approx(expected, rel=1e-5)


PATTERNS = np.zeros((3, 4, 4))
PATTERNS[1, 1:3] = PATTERNS[2, :, 1:3] = 1.0


def draw_tiles(batch: int, rng: np.random.Generator) -> Tensor:
    """Images of blank, lying and standing tiles [B, 12 * 8]: three codes can say everything."""
    tiles = PATTERNS[rng.integers(3, size=(batch, 3, 2))]  # [B, rows, columns, 4, 4]
    return torch.from_numpy(tiles.transpose(0, 1, 3, 2, 4).reshape(batch, -1)).float()


@pytest.mark.parametrize("normalise", [False, True])
def test_a_short_training_lowers_the_loss(normalise: bool) -> None:
    shape = build(normalise=normalise, channels=(16, 32)).shape
    network = new_network(Vqvae, shape, seed=0).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(120):
        found = network.training_loss(draw_tiles(16, rng), rng)
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
        losses.append(float(found["pixels"].detach()))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 2.0  # 9 dB
    images = draw_tiles(16, rng)
    with torch.inference_mode():
        network.eval()
        error = (network.decode(network.encode(images)) - images).square().mean()
    assert error < 0.1 * images.var()


# --- checkpoints ---


@pytest.mark.parametrize("changes", SHAPES)
def test_a_checkpoint_comes_back(tmp_path: Path, changes: dict[str, Any]) -> None:
    network = build(**changes)
    write_checkpoint(tmp_path / "vqvae.safetensors", network, provenance={})
    read = read_vqvae(tmp_path / "vqvae.safetensors", hop=network.shape.hop)
    assert read.shape == network.shape
    assert isinstance(read.shape.image, tuple)
    assert read.quantizer.identity == network.quantizer.identity
    images = draw(network.shape, 2)
    torch.testing.assert_close(read.latents(images), network.latents(images), atol=1e-2, rtol=1e-2)


def test_the_codec_of_digits_that_comes_with_the_project() -> None:
    """A digit-like stroke comes back; a blank patch has the same code everywhere."""
    network = read_vqvae(MNIST, hop=4)
    assert network.shape.image == (1, 28, 28)
    assert describe_checkpoint(MNIST, "vqvae")["shape"]["image"] == [1, 28, 28]
    image = torch.zeros(1, 28, 28)
    image[:, 5:23, 13:16] = 0.9
    decoded = network.decode(network.encode(image.flatten(1))).view(28, 28)
    assert (decoded - image[0]).square().mean() < 0.02
    assert len(network.encode(torch.zeros(1, 784)).unique()) == 1
