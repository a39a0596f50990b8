"""Decoder-only transformer over codes: the autoregressive prior p_n(z_n) of the method.

Pre-norm blocks with rotary positions (Su et al. 2021) and one or few key-value heads shared by all query
heads (Shazeer 2019): the key-value cache is what a step of the decoder has to read, so it is kept small.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.compute.rows import padded
from lass.compute.triton_trial import has_triton
from lass.models.attention.cache import WINDOW, KeyValueCache, SharedCache
from lass.models.attention.recorded import RecordedSteps
from lass.models.network import CausalNetwork, check_length, code_loss, empty_cache
from lass.models.settings import PriorSettings

if TYPE_CHECKING:
    from lass.models.attention.ancestry import AncestryCache

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": functional.gelu, "silu": functional.silu}
MOST_SHARED = 16  # sequences of one common past: more of them give up bandwidth for arithmetic
SHORT = 128  # tokens up to which plain matrix products are faster on a CPU than its fused attention


@dataclass(frozen=True)
class TransformerShape:
    """What fixes the network: stored in its checkpoint, checked on loading."""

    codes: int  # K
    classes: int  # start tokens: one per class of a class-conditional prior, else 1
    context: int  # the longest sequence, in tokens
    layers: int
    width: int
    heads: int
    kv_heads: int
    activation: str = "gelu"  # or silu, which costs a CPU a sixth of it in bfloat16
    absolute: bool = False  # learned positions beside the rotary ones, where a position means a place

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError(
                f"prior: width {self.width} must be a multiple of 2 * heads = {2 * self.heads}, "
                f"and heads {self.heads} of kv_heads {self.kv_heads}"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"prior: activation {self.activation!r}: choose one of {sorted(ACTIVATIONS)}")

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


def shape_of(settings: PriorSettings, *, codes: int, context: int) -> TransformerShape:
    """The network that `settings` ask for, for K `codes` and sequences of up to `context` tokens."""
    names = {field.name for field in fields(TransformerShape)} - {"codes", "classes", "context"}
    return TransformerShape(
        codes=codes,
        classes=len(settings.classes) if settings.conditional else 1,
        context=context,
        **{name: getattr(settings, name) for name in names},
    )


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary embedding of `x` [..., S, D] by `cosine`, `sine` [S, D / 2]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1).to(x.dtype)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every position attends to itself and what came before: q [B, H, S, D], k and v [B, kv_heads, S, D]."""
    heads, length, width = q.shape[1:]
    repeats = heads // k.shape[1]
    if length > SHORT or q.is_cuda:
        k, v = (part.repeat_interleave(repeats, dim=1) for part in (k, v))  # [B, H, S, D]
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    rows = q.unflatten(1, (-1, repeats)).flatten(2, 3)  # [B, kv_heads, H / kv_heads * S, D]
    scores = (rows @ k.transpose(-1, -2)) * width**-0.5
    future = torch.full((length, length), -torch.inf, device=q.device, dtype=scores.dtype).triu(1)
    weights = (scores + future.repeat(repeats, 1)).softmax(dim=-1).to(v.dtype)
    attended: Tensor = (weights @ v).unflatten(2, (repeats, length)).flatten(1, 2)
    return attended


class Block(nn.Module):
    """Attention and feed-forward layer, each added to its normalised input."""

    def __init__(self, shape: TransformerShape) -> None:
        """Build the layers for `shape`."""
        super().__init__()
        self.shape = shape
        kv_width = shape.kv_heads * shape.head_width
        self.attention_norm = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, shape.width + 2 * kv_width, bias=False)
        self.project = nn.Linear(shape.width, shape.width, bias=False)
        self.forward_norm = nn.LayerNorm(shape.width)
        self.expand = nn.Linear(shape.width, 4 * shape.width)
        self.contract = nn.Linear(4 * shape.width, shape.width)

    def mixed(self, x: Tensor) -> Tensor:
        """Queries, keys and values [B, S, (H + 2 kv_heads) * D] of `x` [B, S, width], not rotated yet."""
        mixed: Tensor = self.qkv(self.attention_norm(x))
        return mixed

    def split(self, mixed: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries [B, H, S, D], rotated keys and values [B, kv_heads, S, D] of `mixed`."""
        shape = self.shape
        kv_width = shape.kv_heads * shape.head_width
        parts = mixed.split([shape.width, kv_width, kv_width], dim=-1)
        q, k, v = (part.unflatten(-1, (-1, shape.head_width)).transpose(1, 2) for part in parts)
        return rotate(q, cosine, sine), rotate(k, cosine, sine), v

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add the attention's output [B, S, width] and then the feed-forward layer's to `x` [B, S, width]."""
        x = x + self.project(attended)
        hidden = ACTIVATIONS[self.shape.activation](self.expand(self.forward_norm(x)))
        forwarded: Tensor = self.contract(hidden)
        return x + forwarded

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Causal pass over whole sequences `x` [B, S, width]."""
        attended = causal_attention(*self.split(self.mixed(x), cosine, sine))  # [B, H, S, D]
        return self.finish(x, attended.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """Next-code model: logits of z_s given a start token and z_0 .. z_{s-1}."""

    def __init__(self, shape: TransformerShape, *, dropout: float = 0.0) -> None:
        """`dropout` is applied to the embedded input while training."""
        super().__init__()
        self.shape = shape
        self.dropout = nn.Dropout(dropout)
        self.start = nn.Embedding(shape.classes, shape.width)
        self.embed = nn.Embedding(shape.codes, shape.width)
        self.places = nn.Embedding(shape.context, shape.width) if shape.absolute else None
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.codes)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        for name, parameter in self.named_parameters():
            if name.endswith(("project.weight", "contract.weight")):
                nn.init.normal_(parameter, std=0.02 / (2 * shape.layers) ** 0.5)

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine [S, D / 2] of the rotary embedding at `positions` [S]."""
        half = self.shape.head_width // 2
        frequency = 10_000.0 ** (-torch.arange(half, device=positions.device) / half)
        angle = positions[:, None] * frequency
        return angle.cos(), angle.sin()

    def placed(self, inputs: Tensor, positions: Tensor) -> Tensor:
        """`inputs` [B, S, width] with what is learnt of their `positions` [S]."""
        return inputs if self.places is None else inputs + self.places(positions)

    def forward(self, codes: Tensor, classes: Tensor) -> Tensor:
        """Logits [B, S, K] of the positions of `codes` [B, S], each from those before it; `classes` [B]."""
        inputs = torch.cat([self.start(classes)[:, None], self.embed(codes[:, :-1])], dim=1)  # [B, S, width]
        positions = torch.arange(codes.shape[1], device=codes.device)
        cosine, sine = self.rotation(positions)
        x = self.dropout(self.placed(inputs, positions))
        for block in self.blocks:
            x = block(x, cosine, sine)
        logits: Tensor = self.head(self.norm(x))
        return logits

    def step(self, inputs: Tensor, cache: KeyValueCache | SharedCache) -> Tensor:
        """Logits [B, K] after one more embedded input [B, width]; `cache` grows by one position."""
        cache.advance()
        position = torch.tensor([cache.length - 1], device=inputs.device)
        cosine, sine = (part.to(inputs.dtype) for part in self.rotation(position))

        def attend(index: int, block: Block, mixed: Tensor) -> Tensor:
            return cache.attend(index, *block.split(mixed[:, None], cosine, sine)).flatten(1)

        return self.walk(inputs, position, attend)

    def walk(
        self, inputs: Tensor, position: Tensor, attend: Callable[[int, Block, Tensor], Tensor]
    ) -> Tensor:
        """Logits [B, K] after embedded inputs [B, width] at `position` [1].

        `attend` remembers what a block mixes for it [B, (H + 2 kv_heads) * D] and reads all [B, H * D].
        """
        x = self.placed(inputs[:, None], position)[:, 0]
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.finish(x, attend(index, block, block.mixed(x)))
        logits: Tensor = self.head(self.norm(x))
        return logits

    def training_loss(
        self,
        batch: tuple[Tensor, Tensor],
        rng: np.random.Generator,  # noqa: ARG002 (what the training loop hands to every network)
    ) -> dict[str, Tensor]:
        """Mean negative log-likelihood in nats per token of (codes [B, S], classes [B])."""
        return code_loss(self, batch)


class TransformerPrior:
    """A transformer for one source class, as the decoder asks for it (`lass.separation.decoding.prior`)."""

    def __init__(self, network: CausalNetwork, *, class_index: int = 0) -> None:
        """`class_index` chooses the start token of a class-conditional network."""
        if not 0 <= class_index < network.shape.classes:
            raise ValueError(f"class index {class_index} outside the prior's {network.shape.classes} classes")
        self.network = network.eval()
        self.class_index = class_index
        self.codebook_size = network.shape.codes

    def start(
        self, batch: int, length: int, *, shared: int = 1
    ) -> "KeyValueCache | SharedCache | RecordedSteps[AncestryCache]":
        """State of `batch` sequences before their first token, of which up to `shared` share their past."""
        if self.network.embed.weight.is_cuda and has_triton():
            return self.recorded(batch, length, shared=shared)
        return empty_cache(self.network, batch, length, shared=min(shared, MOST_SHARED))

    def recorded(self, batch: int, length: int, *, shared: int) -> "RecordedSteps[AncestryCache]":
        """The state on a GPU: `batch` families of `shared` sequences, which descend from one another."""
        from lass.models.attention.ancestry import (  # noqa: PLC0415 (nobody needs Triton on a CPU)
            AncestryCache,
            CacheSizes,
        )

        shape, weight = self.network.shape, self.network.embed.weight
        check_length(length, context=shape.context)
        sizes = CacheSizes(
            layers=shape.layers,
            rows=batch,
            members=shared,
            heads=shape.heads,
            kv_heads=shape.kv_heads,
            positions=length,
            width=shape.head_width,
        )
        rotation = self.network.rotation(torch.arange(length, device=weight.device))
        return RecordedSteps(AncestryCache(sizes, rotation=rotation, like=weight), self.step_on_gpu)

    def bytes_per_sequence(self, length: int) -> int:
        """Memory that a sequence of `length` tokens takes at most while it is decoded."""
        shape, weight = self.network.shape, self.network.embed.weight
        size = weight.element_size()
        positions = length + 2 * WINDOW
        held = 2 * shape.layers * shape.kv_heads * shape.head_width * positions * size
        step = 24 * shape.width * size + 4 * shape.codes * 4
        if weight.is_cuda and has_triton():  # pieces of the attention, and two tables of ancestors
            return held + step + positions * (shape.width + 16)
        return 2 * held + step  # a cache that grows exists twice, in part

    @torch.inference_mode()
    def log_probs(
        self, previous: Tensor | None, state: "KeyValueCache | SharedCache | RecordedSteps[AncestryCache]"
    ) -> Tensor:
        """`log p(z_s | z_<s)` [B, K] in float32, given the codes chosen last [B] (None at the start)."""
        if not isinstance(state, KeyValueCache | SharedCache):
            state.advance()
            if previous is not None:
                return state.next(previous)
            first = torch.full_like(state.tokens, self.class_index)
            return self.walked(self.network.start(first), state.cache)
        rows = padded(state.used)
        if previous is None:
            inputs = self.network.start.weight[self.class_index].expand(rows, -1)
        else:
            inputs = self.network.embed(functional.pad(previous, (0, rows - len(previous))))
        return self.network.step(inputs, state)[: state.used].float().log_softmax(dim=-1)

    def step_on_gpu(self, tokens: Tensor, cache: "AncestryCache") -> Tensor:
        """`log p(z_s | z_<s)` [R, K] after `tokens` [R]: a step that can be recorded."""
        return self.walked(self.network.embed(tokens), cache)

    def walked(self, inputs: Tensor, cache: "AncestryCache") -> Tensor:
        """The same after embedded inputs [R, width]."""
        cache.advance()
        logits = self.network.walk(inputs, cache.position, lambda index, _, mixed: cache.attend(index, mixed))
        return logits.float().log_softmax(dim=-1)

    @torch.inference_mode()
    def sequence_loss(self, codes: Tensor) -> Tensor:
        """Mean negative log-likelihood in nats per token of whole sequences [B, S]."""
        classes = torch.full((len(codes),), self.class_index, device=codes.device)
        return self.network.training_loss((codes, classes), np.random.default_rng(0))["loss"]

    def reorder(
        self, state: "KeyValueCache | SharedCache | RecordedSteps[AncestryCache]", rows: Tensor
    ) -> None:
        """Sequence b continues what was sequence `rows[b]`; there are len(rows) of them from now on."""
        state.reorder(rows)
