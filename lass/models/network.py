"""What `TransformerPrior` and `CodecAt` ask of a network, and what is done with all that give it.

The project's own networks and imported ones do.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.attention.cache import WINDOW, KeyValueCache, SharedCache
from lass.models.quantizer import Quantizer

PIECE = 500  # tokens that `encode_pieces` encodes at a time


class CausalShape(Protocol):
    """Sizes of a causal network."""

    @property
    def codes(self) -> int:
        """K."""

    @property
    def classes(self) -> int:
        """Start tokens."""

    @property
    def context(self) -> int:
        """The longest sequence, in tokens."""

    @property
    def layers(self) -> int:
        """Blocks."""

    @property
    def width(self) -> int:
        """Channels."""

    @property
    def heads(self) -> int:
        """Query heads."""

    @property
    def kv_heads(self) -> int:
        """Key and value heads, a divisor of the others."""

    @property
    def head_width(self) -> int:
        """Channels of one head."""


class CausalNetwork(Protocol):
    """Next-code model: logits of z_s given a start token and z_0 .. z_{s-1}."""

    @property
    def shape(self) -> CausalShape:
        """Its sizes."""

    @property
    def start(self) -> nn.Embedding:
        """A row per class: what stands before the first code."""

    @property
    def embed(self) -> nn.Embedding:
        """A row per code."""

    def eval(self) -> Self:
        """The network, for inference."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The network, on a device or with numbers of a type, as torch's modules take them."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Its weights."""

    def __call__(self, codes: Tensor, classes: Tensor) -> Tensor:
        """Logits [B, S, K] of `codes` [B, S], each from those before it, and of `classes` [B]."""

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine [S, D / 2] by which queries and keys are turned at `positions` [S]."""

    def step(self, inputs: Tensor, cache: KeyValueCache | SharedCache) -> Tensor:
        """Logits [B, K] after one more embedded input [B, width]."""

    def walk(self, inputs: Tensor, position: Tensor, attend: Callable[[int, Any, Tensor], Tensor]) -> Tensor:
        """The same, where `attend` remembers what a block mixes and reads what it has remembered."""

    def training_loss(self, batch: tuple[Tensor, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
        """Mean negative log-likelihood in nats per token of (codes [B, S], classes [B])."""


def check_length(length: int, *, context: int) -> None:
    """Refuse a sequence of more tokens than the `context` that a network knows places of."""
    if length > context:
        raise ValueError(
            f"a sequence of {length} tokens exceeds the prior's context of {context}: shorten the chunks "
            "(mixtures.seconds) or the images' sides, or give a prior with a longer context"
        )


def code_loss(network: CausalNetwork, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Mean negative log-likelihood in nats per token of (codes [B, S], classes [B])."""
    codes, classes = batch
    logits = network(codes, classes)
    return {"loss": functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())}


def empty_cache(
    network: CausalNetwork, batch: int, length: int, *, shared: int = 1
) -> KeyValueCache | SharedCache:
    """An empty cache for `batch` sequences of at most `length` tokens.

    Where up to `shared` > 1 of them are to share their past, it is held once for all of them.
    """
    shape, like = network.shape, network.embed.weight
    check_length(length, context=shape.context)
    sizes = {"layers": shape.layers, "rows": batch, "heads": shape.kv_heads, "width": shape.head_width}
    whole = KeyValueCache(**sizes, positions=length, like=like)
    if shared == 1:
        return whole
    return SharedCache(whole, KeyValueCache(**sizes, positions=2 * WINDOW, like=like), members=shared)


class CodecShape(Protocol):
    """Sizes of a codec."""

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""

    @property
    def image(self) -> tuple[int, int, int] | None:
        """Colours, rows and columns of a data point; None for audio."""


class CodecNetwork(Protocol):
    """Encoder, codebook and decoder."""

    @property
    def shape(self) -> CodecShape:
        """Its sizes."""

    @property
    def quantizer(self) -> Quantizer:
        """Its codebook."""

    @property
    def margin(self) -> int:
        """Tokens at either end of a chunk that see its edge."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The network, on a device, as torch's modules take it."""

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""

    def latents(self, data: Tensor) -> Tensor:
        """Dense latents [B, S, C] of data points [B, T]."""

    def embed(self, codes: Tensor) -> Tensor:
        """Vectors [B, S, C] of codes [B, S]."""

    def decode(self, codes: Tensor) -> Tensor:
        """Data points [B, T] of codes [B, S]."""

    def synthesise(self, latents: Tensor) -> Tensor:
        """Data points [B, T] of dense latents [B, S, C]."""


def check_audio(data: Tensor, *, hop: int) -> None:
    """ValueError where audio `data` [B, T] is empty or ends within a token of `hop` samples."""
    if data.shape[-1] % hop or data.shape[-1] == 0:
        raise ValueError(
            f"audio of {data.shape[-1]} samples is not a positive multiple of the hop {hop}: cut it first"
        )


def encode_pieces(network: CodecNetwork, audio: Tensor) -> Tensor:
    """Codes [B, S] of `audio` [B, T], in overlapping pieces whose activations fit a processor's cache."""
    return torch.stack([encode_row(network, row) for row in audio])


def encode_row(network: CodecNetwork, audio: Tensor) -> Tensor:
    """The same of a row: codes [S] of [T]."""
    hop, margin, codes = network.shape.hop, network.margin, []
    length = len(audio) // hop
    for start in range(0, length, PIECE):
        first, last = max(0, start - margin), min(length, start + PIECE + margin)
        piece = network.quantizer.encode(network.latents(audio[None, first * hop : last * hop]))[0]
        codes.append(piece[start - first : start - first + PIECE])
    return torch.cat(codes)
