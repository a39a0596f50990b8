"""A codec as separation asks for it: the protocol, and a network of this or an imported kind behind it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from lass.models.checkpoint import read_vqvae
from lass.models.headers import kind_of
from lass.models.network import CodecNetwork
from lass.models.pretrained.registry import CODECS, named
from lass.models.settings import CodecCheck

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Codec(Protocol):
    """Encoder, codebook and decoder: data points [B, T] to codes [B, S] and back."""

    @property
    def device(self) -> torch.device:
        """Where the codec is."""

    @property
    def codebook(self) -> Tensor:
        """Vectors [K, C] of the codes."""

    @property
    def identity(self) -> str:
        """What tells the codebook from every other."""

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""

    @property
    def image(self) -> tuple[int, int, int] | None:
        """Colours, rows and columns of a data point; None for audio."""

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of data points [B, T]: what becomes their codes."""

    def embed(self, codes: Tensor) -> Tensor:
        """Vectors [B, S, C] of codes [B, S]."""

    def decode(self, codes: Tensor) -> Tensor:
        """Data points [B, T] of codes [B, S]."""

    def synthesise(self, latents: Tensor) -> Tensor:
        """Data points [B, T], float32, of dense latents [B, S, C]; differentiable."""


def read_codec(path: Path, *, rate: int | None = None, hop: int | None = None) -> CodecNetwork:
    """The network of the codec stored at `path`, of this project or imported, ready for inference.

    ValueError where it does not work at `rate` Hz, or has another `hop` (samples per token).
    """
    kind = kind_of(path)
    if kind not in CODECS:
        return read_vqvae(path, rate=rate, hop=hop)
    network: CodecNetwork = named(CODECS[kind])(path, rate=rate, hop=hop)
    return network


def open_codec(
    path: Path, check: CodecCheck, *, device: torch.device, precision: str = "float32"
) -> "CodecAt":
    """The codec stored at `path`, on `device`; ValueError where it does not agree with `check`."""
    network = read_codec(path, rate=check.rate, hop=check.hop)
    return CodecAt(network.to(device), precision=precision)


@dataclass(frozen=True)
class CodecAt:
    """A network that decodes in `precision` and encodes in float32: codes are those that were counted."""

    vqvae: CodecNetwork
    precision: str  # one of PRECISIONS

    def __post_init__(self) -> None:
        """Refuse other precisions."""
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")

    @property
    def device(self) -> torch.device:
        """Where the codec is."""
        return self.vqvae.quantizer.codebook.device

    @property
    def codebook(self) -> Tensor:
        """Vectors [K, C] of the codes."""
        return self.vqvae.quantizer.codebook

    @property
    def identity(self) -> str:
        """What tells the codebook from every other."""
        return self.vqvae.quantizer.identity

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""
        return self.vqvae.shape.hop

    @property
    def image(self) -> tuple[int, int, int] | None:
        """Colours, rows and columns of a data point; None for audio."""
        return self.vqvae.shape.image

    @property
    def margin(self) -> int:
        """Tokens at either end of a chunk that see its edge."""
        return self.vqvae.margin

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""
        return self.vqvae.encode(data)

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of data points [B, T]: what becomes their codes."""
        return self.vqvae.latents(data)

    def embed(self, codes: Tensor) -> Tensor:
        """Vectors [B, S, C] of codes [B, S]."""
        return self.vqvae.embed(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Data points [B, T] of codes [B, S]."""
        return self.synthesise(self.embed(codes))

    def synthesise(self, latents: Tensor) -> Tensor:
        """Data points [B, T], float32, of dense latents [B, S, C]."""
        low = self.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=low):
            return self.vqvae.synthesise(latents).float()
