"""A U-Net over time or over a picture that is told a level of noise: what denoisers are made of."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.diffusion_settings import GROUPS

FEATURES = 32  # waves by which a level of noise is told
HIGHEST = 4.0  # spread of their frequencies


@dataclass(frozen=True)
class UnetShape:
    """What rebuilds a network."""

    image: tuple[int, int, int] | None  # colours, height, width; None for sounds
    patch: int  # samples or pixels that are folded into channels
    channels: tuple[int, ...]  # width of each stage
    strides: tuple[int, ...]  # between the stages
    blocks: int  # of a stage
    attention: int  # lowest stages that attend
    heads: int
    embedding: int
    classes: int = 0  # that it is told apart; 0 for none

    @property
    def folded(self) -> int:
        """Channels of an input that is folded."""
        return self.patch if self.image is None else self.image[0] * self.patch**2

    @property
    def hop(self) -> int:
        """Samples, or pixels of a side, of one place in the lowest stage."""
        return self.patch * math.prod(self.strides)


class Block(nn.Module):
    """Two convolutions, the second told the level of noise by scales and shifts; starts as the identity."""

    def __init__(self, conv: type[nn.Conv1d | nn.Conv2d], width: int, embedding: int) -> None:
        """Build a block of `width` channels."""
        super().__init__()
        self.first, self.second = nn.GroupNorm(GROUPS, width), nn.GroupNorm(GROUPS, width)
        self.inner, self.outer = conv(width, width, 3, padding=1), conv(width, width, 3, padding=1)
        self.told = nn.Linear(embedding, 2 * width)
        for parameter in (*self.outer.parameters(), *self.told.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """[B, C, ...] and the embedded level [B, E] -> [B, C, ...]."""
        inner = self.inner(functional.silu(self.first(x)))
        told: Tensor = self.told(level)
        scale, shift = told.unflatten(1, (-1, *[1] * (x.dim() - 2))).chunk(2, dim=1)  # [B, C, 1, ...]
        outer: Tensor = self.outer(functional.silu(self.second(inner) * (1 + scale) + shift))
        return x + outer


class Attention(nn.Module):
    """Every place attends to all; starts as the identity."""

    def __init__(self, width: int, heads: int) -> None:
        """Build attention of `heads` heads over `width` channels."""
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(GROUPS, width)
        self.asked, self.outer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        for parameter in self.outer.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] -> [B, C, ...]."""
        asked: Tensor = self.asked(self.norm(x).flatten(2).transpose(1, 2))  # [B, P, 3 C]
        query, key, value = asked.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [B, H, P, D]
        attended = functional.scaled_dot_product_attention(query, key, value)
        outer: Tensor = self.outer(attended.transpose(1, 2).flatten(2))
        return x + outer.transpose(1, 2).reshape(x.shape)


class Stage(nn.Module):
    """Blocks of one width, with or without attention behind each."""

    def __init__(self, shape: UnetShape, number: int) -> None:
        """Build stage `number` of a network."""
        super().__init__()
        conv, width = convolution(shape), shape.channels[number]
        attends = number >= len(shape.channels) - shape.attention
        self.blocks = nn.ModuleList(Block(conv, width, shape.embedding) for _ in range(shape.blocks))
        self.attention = nn.ModuleList(
            Attention(width, shape.heads) if attends else nn.Identity() for _ in range(shape.blocks)
        )

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """[B, C, ...] -> [B, C, ...]."""
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = attention(block(x, level))
        return x


class Unet(nn.Module):
    """From inputs of about unit variance, and their levels of noise, to outputs of the same shape."""

    frequencies: Tensor

    def __init__(self, shape: UnetShape) -> None:
        """Build the network, whose output is zero to begin with."""
        super().__init__()
        self.shape = shape
        conv, widths = convolution(shape), shape.channels
        turned = nn.ConvTranspose1d if shape.image is None else nn.ConvTranspose2d
        self.register_buffer("frequencies", HIGHEST * torch.randn(FEATURES))
        self.told = nn.Sequential(
            nn.Linear(2 * FEATURES, shape.embedding), nn.SiLU(), nn.Linear(shape.embedding, shape.embedding)
        )
        self.classes = nn.Embedding(shape.classes, shape.embedding) if shape.classes else None
        self.entry = conv(shape.folded, widths[0], 3, padding=1)
        self.down = nn.ModuleList(Stage(shape, number) for number in range(len(widths)))
        self.up = nn.ModuleList(Stage(shape, number) for number in range(len(widths) - 1))
        steps = list(zip(widths, widths[1:], shape.strides, strict=False))
        self.lower = nn.ModuleList(conv(a, b, stride, stride=stride) for a, b, stride in steps)
        self.raise_ = nn.ModuleList(turned(b, a, stride, stride=stride) for a, b, stride in steps)
        self.norm, self.exit = nn.GroupNorm(GROUPS, widths[0]), conv(widths[0], shape.folded, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, level: Tensor, classes: Tensor | None = None) -> Tensor:
        """[B, T], and a number for the level [B], to [B, T]; any T for sounds, that of the images else.

        `classes` [B] are indices, of a network that is told classes; ValueError where it is told none.
        """
        angles = level[:, None] * self.frequencies
        told = self.told(torch.cat([angles.cos(), angles.sin()], dim=1))
        if self.classes is not None:
            if classes is None:
                raise ValueError("this network is told the class of what it denoises: give it")
            told = told + self.classes(classes)
        told = functional.silu(told)
        hidden, kept = self.entry(fold(x, self.shape)), []
        for number, stage in enumerate(self.down):
            hidden = stage(hidden, told)
            if number < len(self.lower):
                kept.append(hidden)
                hidden = self.lower[number](hidden)
        for number in reversed(range(len(self.up))):
            hidden = self.up[number](self.raise_[number](hidden) + kept[number], told)
        return unfold(self.exit(functional.silu(self.norm(hidden))), self.shape, like=x)


def convolution(shape: UnetShape) -> type[nn.Conv1d | nn.Conv2d]:
    """The kind of convolution: over time, or over a picture."""
    return nn.Conv1d if shape.image is None else nn.Conv2d


def padding_to(size: int, hop: int) -> int:
    """The zeros that pad `size` to a multiple of `hop`."""
    return -size % hop


def fold(x: Tensor, shape: UnetShape) -> Tensor:
    """[B, T] with zeros at its end, to [B, channels, frames] or [B, channels, rows, columns]."""
    hop = shape.hop
    if shape.image is None:
        padded = functional.pad(x, (0, padding_to(x.shape[1], hop)))
        frames: Tensor = padded.unflatten(1, (-1, shape.patch))
        return frames.transpose(1, 2)
    _, height, width = shape.image
    padding = (0, padding_to(width, hop), 0, padding_to(height, hop))
    return functional.pixel_unshuffle(functional.pad(x.unflatten(1, shape.image), padding), shape.patch)


def unfold(folded: Tensor, shape: UnetShape, *, like: Tensor) -> Tensor:
    """The reverse of `fold`, without the zeros: as `like` [B, T]."""
    if shape.image is None:
        return folded.transpose(1, 2).flatten(1)[:, : like.shape[1]]
    _, height, width = shape.image
    return functional.pixel_shuffle(folded, shape.patch)[:, :, :height, :width].flatten(1)
