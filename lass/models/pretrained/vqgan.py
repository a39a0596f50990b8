"""VQ-GAN: a codec of images with a strong decoder (Esser, Rombach and Ommer 2021, "Taming Transformers").

A data point is a row of T = C * H * W numbers in [0, 1], channel by channel, as everywhere in this project;
the network itself works on [-1, 1]. Codes stand in raster order. Attention at the lowest resolution lets
every code see the whole image.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.pretrained.stored import describe_part, load_part, without_memory
from lass.models.quantizer import Quantizer

KIND = "vqgan"
EPSILON = 1e-6  # of all normalisations
AT_ONCE = 16  # images that are worked on together: one layer at full resolution takes 512 MB of them


@dataclass(frozen=True)
class VqganShape:
    """What fixes the network: stored with its weights, derived from a published file."""

    codes: int  # K
    code_channels: int  # C
    latent_channels: int  # between the convolutions and the 1x1 layers around the quantizer
    stem: int  # channels of the encoder's first layer
    channels: tuple[int, ...]  # of every level, from full resolution down
    encoder_blocks: int  # of a level
    decoder_blocks: int
    attending: tuple[int, ...]  # levels whose blocks are followed by attention
    image: tuple[int, int, int]  # colours, rows, columns
    groups: int = 32  # of channels that are normalised together

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        uneven = [width for width in (self.stem, *self.channels) if width % self.groups]
        if uneven:
            raise ValueError(f"vqgan: {uneven[0]} channels must be a multiple of {self.groups} groups")
        if any(side % self.hop or side == 0 for side in self.image[1:]):
            raise ValueError(
                f"vqgan: images of {self.image[1]} x {self.image[2]} pixels: both must be positive multiples "
                f"of the hop {self.hop}"
            )

    @property
    def hop(self) -> int:
        """Pixels of a token's side: every level but the last halves the image."""
        return int(2 ** (len(self.channels) - 1))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of an image's codes."""
        return self.image[1] // self.hop, self.image[2] // self.hop


def normalisation(channels: int, groups: int) -> nn.GroupNorm:
    """Of groups of channels, over all pixels."""
    return nn.GroupNorm(groups, channels, eps=EPSILON)


class ResidualBlock(nn.Module):
    """x, by a 1x1 convolution where the width changes, plus two 3x3 convolutions of it, each after a norm."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        """From `inputs` to `outputs` channels."""
        super().__init__()
        self.first_norm = normalisation(inputs, groups)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = normalisation(outputs, groups)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H, W]."""
        change = self.first(functional.silu(self.first_norm(x)))
        change = self.second(functional.silu(self.second_norm(change)))
        changed: Tensor = change + (x if self.shortcut is None else self.shortcut(x))
        return changed


class Attention(nn.Module):
    """Every pixel reads all pixels, with one head; the result is added to it."""

    def __init__(self, channels: int, groups: int) -> None:
        """Of `channels` in and out."""
        super().__init__()
        self.norm = normalisation(channels, groups)
        self.query, self.key, self.value, self.project = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        even = self.norm(x)
        rows = (
            layer(even).flatten(2).transpose(1, 2)[:, None] for layer in (self.query, self.key, self.value)
        )
        read = functional.scaled_dot_product_attention(*rows)[:, 0]  # [B, H * W, C]
        added: Tensor = self.project(read.transpose(1, 2).unflatten(2, x.shape[2:]))
        return x + added


class Halving(nn.Module):
    """A strided convolution whose kernels begin at their own pixel: zeros stand at the right and below."""

    def __init__(self, channels: int) -> None:
        """Of `channels` in and out."""
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H / 2, W / 2]."""
        halved: Tensor = self.convolution(functional.pad(x, (0, 1, 0, 1)))
        return halved


class Doubling(nn.Module):
    """Every pixel four times, then a convolution."""

    def __init__(self, channels: int) -> None:
        """Of `channels` in and out."""
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, 2 H, 2 W]."""
        doubled: Tensor = self.convolution(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


class Level(nn.Module):
    """Residual blocks of one resolution, each followed by attention where the level attends."""

    def __init__(
        self, widths: tuple[int, ...], *, attends: bool, groups: int, resize: nn.Module | None
    ) -> None:
        """`widths` [blocks + 1] before, between and after the blocks; `resize` comes last."""
        super().__init__()
        pairs = list(pairwise(widths))
        self.blocks = nn.ModuleList(ResidualBlock(*pair, groups) for pair in pairs)
        self.attentions = nn.ModuleList(Attention(after, groups) for _, after in pairs if attends)
        self.resize = resize

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H, W], and resized."""
        for index, block in enumerate(self.blocks):
            x = block(x)
            if len(self.attentions):
                x = self.attentions[index](x)
        return x if self.resize is None else self.resize(x)


def middle(channels: int, groups: int) -> nn.Sequential:
    """The layers of the lowest resolution that encoder and decoder both have."""
    return nn.Sequential(
        ResidualBlock(channels, channels, groups),
        Attention(channels, groups),
        ResidualBlock(channels, channels, groups),
    )


class Encoder(nn.Module):
    """[B, colours, H, W] in [-1, 1] -> [B, latent_channels, H / hop, W / hop]."""

    def __init__(self, shape: VqganShape) -> None:
        """Levels from full resolution down."""
        super().__init__()
        widths, groups = shape.channels, shape.groups
        self.stem = nn.Conv2d(shape.image[0], shape.stem, 3, padding=1)
        self.levels = nn.ModuleList(
            Level(
                (before, *(width,) * shape.encoder_blocks),
                attends=index in shape.attending,
                groups=groups,
                resize=Halving(width) if index < len(widths) - 1 else None,
            )
            for index, (before, width) in enumerate(zip((shape.stem, *widths[:-1]), widths, strict=True))
        )
        self.middle = middle(widths[-1], groups)
        self.norm = normalisation(widths[-1], groups)
        self.out = nn.Conv2d(widths[-1], shape.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Latents of images."""
        x = self.stem(x)
        for level in self.levels:
            x = level(x)
        latents: Tensor = self.out(functional.silu(self.norm(self.middle(x))))
        return latents


class Decoder(nn.Module):
    """[B, latent_channels, rows, columns] -> [B, colours, H, W], in [-1, 1] but for overshoots."""

    def __init__(self, shape: VqganShape) -> None:
        """Levels are stored from full resolution down and run the other way."""
        super().__init__()
        widths, groups = shape.channels, shape.groups
        self.stem = nn.Conv2d(shape.latent_channels, widths[-1], 3, padding=1)
        self.middle = middle(widths[-1], groups)
        self.levels = nn.ModuleList(
            Level(
                (before, *(width,) * shape.decoder_blocks),
                attends=index in shape.attending,
                groups=groups,
                resize=Doubling(width) if index > 0 else None,
            )
            for index, (before, width) in enumerate(zip((*widths[1:], widths[-1]), widths, strict=True))
        )
        self.norm = normalisation(widths[0], groups)
        self.out = nn.Conv2d(widths[0], shape.image[0], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Images of latents."""
        x = self.middle(self.stem(x))
        for level in reversed(self.levels):
            x = level(x)
        images: Tensor = self.out(functional.silu(self.norm(x)))
        return images


class Vqgan(nn.Module):
    """Encoder, codebook and decoder, with the methods of the project's own VQ-VAE."""

    def __init__(self, shape: VqganShape) -> None:
        """Weights are for others to fill in: nothing here trains."""
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.to_code = nn.Conv2d(shape.latent_channels, shape.code_channels, 1)
        self.quantizer = Quantizer(shape.codes, shape.code_channels)
        self.from_code = nn.Conv2d(shape.code_channels, shape.latent_channels, 1)
        self.decoder = Decoder(shape)

    @property
    def margin(self) -> int:
        """Tokens that see an edge: all of them."""
        return prod(self.shape.grid)

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of images [B, T] in [0, 1]; ValueError where T is of another size."""
        if data.shape[-1] != prod(self.shape.image):
            raise ValueError(
                f"images of {data.shape[-1]} numbers do not fit {self.shape.image} (colours, rows, columns): "
                "resize them first"
            )
        images = 2 * data.unflatten(1, self.shape.image) - 1
        latents: Tensor = self.to_code(self.encoder(images))  # [B, C, rows, columns]
        return latents.flatten(2).transpose(1, 2)

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of images [B, T] in [0, 1]."""
        return torch.cat([self.quantizer.encode(self.latents(part)) for part in data.split(AT_ONCE)])

    def embed(self, codes: Tensor) -> Tensor:
        """Codebook vectors [B, S, C] of `codes` [B, S]."""
        return self.quantizer.decode(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Images [B, T] in [0, 1] of `codes` [B, S]."""
        return self.synthesise(self.embed(codes))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Images [B, T] in [0, 1] of dense latents [B, S, C]."""
        grids = latents.transpose(1, 2).unflatten(2, self.shape.grid).split(AT_ONCE)
        images = torch.cat([self.decoder(self.from_code(grid)) for grid in grids])
        return ((images + 1) / 2).clamp(0, 1).flatten(1)


def read_vqgan(path: Path, *, rate: int | None = None, hop: int | None = None) -> Vqgan:
    """The VQ-GAN stored at `path`, ready for inference.

    ValueError where it is of another kind or damaged, tokens have another `hop` (pixels of their side), or
    data has a `rate`, which images have not.
    """
    shape, _ = describe_part(path, KIND, VqganShape)
    if rate is not None:
        raise ValueError(f"{path}: a codec of images, but the data has {rate} Hz; give a codec of audio")
    if hop is not None and shape.hop != hop:
        raise ValueError(
            f"{path}: tokens of {shape.hop} pixels a side, but {hop} are configured; make them equal"
        )
    return load_part(path, without_memory(Vqgan, shape))
