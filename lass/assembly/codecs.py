"""A codec at the precision of a run, as separation asks for it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lass.models.vqvae import Vqvae

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class CodecAt:
    """A VQ-VAE that decodes in `precision` and encodes in float32: codes are those that were counted."""

    vqvae: Vqvae
    precision: str  # one of PRECISIONS

    def __post_init__(self) -> None:
        """Refuse other precisions."""
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")

    @property
    def device(self) -> torch.device:
        """Where the codec is."""
        return self.vqvae.quantizer.codebook.device

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""
        return self.vqvae.encode(data)

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
