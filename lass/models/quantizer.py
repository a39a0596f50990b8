"""Vector quantization with a codebook that follows its vectors by exponential moving averages.

Source: van den Oord et al. 2017, appendix A.1 (EMA updates); Dhariwal et al. 2020, section 3 (restarts of
dead codes).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Quantized:
    """Result of `Quantizer.forward`."""

    codes: Tensor  # [...], int64 in [0, K)
    vectors: Tensor  # [..., C], the codebook rows of `codes`, with straight-through gradients
    commitment: Tensor  # [], mean squared distance of the inputs to their codes


class Quantizer(nn.Module):
    """Nearest-code quantizer: `K = codes` vectors of `C = channels` numbers.

    The codebook is no parameter: `update` moves every code to the decayed mean of the vectors that chose it.
    A code whose decayed use falls under `restart_below` is replaced by a vector of the current batch.
    """

    codebook: Tensor
    usage: Tensor
    total: Tensor
    ready: Tensor

    def __init__(self, codes: int, channels: int, *, decay: float = 0.99, restart_below: float = 0.1) -> None:
        """Start with an empty codebook that the first call of `update` fills from data."""
        super().__init__()
        self.decay = decay
        self.restart_below = restart_below
        self.register_buffer("codebook", torch.zeros(codes, channels))
        self.register_buffer("usage", torch.zeros(codes))
        self.register_buffer("total", torch.zeros(codes, channels))
        self.register_buffer("ready", torch.zeros((), dtype=torch.int64))

    @property
    def identity(self) -> str:
        """A name of the codebook: equal codebooks have equal names."""
        return hashlib.sha256(self.codebook.cpu().numpy().tobytes()).hexdigest()[:16]

    def encode(self, vectors: Tensor) -> Tensor:
        """Index of the nearest code (L2, ties to the lowest index) of each of `vectors` [..., C]."""
        with torch.autocast(vectors.device.type, enabled=False):
            flat = vectors.reshape(-1, vectors.shape[-1]).float()
            similarity = flat @ self.codebook.T - 0.5 * self.codebook.square().sum(dim=1)  # [P, K]
            return similarity.argmax(dim=1).reshape(vectors.shape[:-1])

    def decode(self, codes: Tensor) -> Tensor:
        """Codebook rows [..., C] of `codes` [...]."""
        return self.codebook[codes]

    def forward(self, vectors: Tensor) -> Quantized:
        """Quantize `vectors` [..., C]; gradients pass straight through to `vectors`."""
        vectors = vectors.float()
        codes = self.encode(vectors.detach())
        nearest = self.decode(codes)
        commitment = (vectors - nearest).square().mean()
        return Quantized(codes=codes, vectors=vectors + (nearest - vectors).detach(), commitment=commitment)

    @torch.no_grad()
    def update(self, vectors: Tensor, rng: np.random.Generator) -> None:
        """Move the codebook towards `vectors` [..., C]; the first call draws it from them."""
        flat = vectors.detach().reshape(-1, vectors.shape[-1]).float()
        if not self.ready:
            self._draw(torch.ones_like(self.usage, dtype=torch.bool), flat, rng)
            self.ready.fill_(1)
        codes = self.encode(flat)
        count = torch.bincount(codes, minlength=len(self.codebook)).float()  # [K]
        summed = torch.zeros_like(self.total).index_add_(0, codes, flat)  # [K, C]
        self.usage.lerp_(count, 1 - self.decay)
        self.total.lerp_(summed, 1 - self.decay)
        self.codebook.copy_(self.total / self.usage.clamp_min(1e-9)[:, None])
        self._draw(self.usage < self.restart_below, flat, rng)

    def _draw(self, which: Tensor, vectors: Tensor, rng: np.random.Generator) -> None:
        """Replace the codes in the mask `which` [K] by random rows of `vectors` [P, C]."""
        number = int(which.sum())
        if number == 0:
            return
        rows = torch.from_numpy(rng.choice(len(vectors), size=number, replace=number > len(vectors)))
        fresh = vectors[rows.to(vectors.device)]
        self.codebook[which] = fresh
        self.usage[which] = 1.0
        self.total[which] = fresh
