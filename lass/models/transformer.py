"""Decoder-only transformer over codes: the autoregressive prior p_n(z_n) of the method.

Pre-norm blocks with rotary positions (Su et al. 2021) and one or few key-value heads shared by all query
heads (Shazeer 2019): the key-value cache is what a step of the decoder has to read, so it is kept small.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": functional.gelu, "silu": functional.silu}
# Matrix products round differently for a few rows than for many. Batches padded to a multiple of this many
# rows give every sequence the same bytes, whatever shares the batch with it.
ROW_BLOCK = 16
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


@dataclass
class KeyValueCache:
    """Keys and values of the positions seen so far, preallocated for the whole sequence."""

    keys: Tensor  # [layers, B, kv_heads, S, D]
    values: Tensor  # [layers, B, kv_heads, S, D]
    used: int  # rows that hold a sequence; the others are padding
    length: int = 0

    def reorder(self, rows: Tensor) -> None:
        """Let sequence b continue what was row `rows[b]`; there are len(rows) of them from now on.

        Only rows that change are copied. Room is doubled where it does not suffice, and never given back.
        """
        self.used = len(rows)
        layers, room, heads, positions, width = self.keys.shape
        needed = padded(self.used)
        if needed > room:
            for name in ("keys", "values"):
                grown = self.keys.new_zeros(layers, max(needed, 2 * room), heads, positions, width)
                grown[:, :room, :, : self.length] = getattr(self, name)[:, :, :, : self.length]
                setattr(self, name, grown)
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for store in (self.keys, self.values) if len(moved) else ():
            store[:, moved, :, : self.length] = store[:, rows[moved], :, : self.length]


def padded(rows: int) -> int:
    """`rows`, rounded up to whole blocks."""
    return -(-rows // ROW_BLOCK) * ROW_BLOCK


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

    def split(self, x: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries [B, H, S, D], rotated keys and values [B, kv_heads, S, D] of `x` [B, S, width]."""
        shape = self.shape
        kv_width = shape.kv_heads * shape.head_width
        parts = self.qkv(self.attention_norm(x)).split([shape.width, kv_width, kv_width], dim=-1)
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
        attended = causal_attention(*self.split(x, cosine, sine))  # [B, H, S, D]
        return self.finish(x, attended.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, cosine: Tensor, sine: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One new position `x` [B, 1, width].

        `keys`, `values` [B, kv_heads, t, D] end with this position's free slot.
        """
        q, k, v = self.split(x, cosine, sine)
        keys[:, :, -1:] = k
        values[:, :, -1:] = v
        grouped = q.squeeze(2).unflatten(1, (self.shape.kv_heads, -1))  # [B, kv_heads, H / kv_heads, D]
        attended = functional.scaled_dot_product_attention(grouped, keys, values)
        return self.finish(x, attended.flatten(1)[:, None])


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

    def new_cache(self, batch: int, length: int, *, used: int) -> KeyValueCache:
        """An empty cache for `batch` sequences, `used` of them real, of at most `length` tokens."""
        if length > self.shape.context:
            raise ValueError(
                f"a sequence of {length} tokens exceeds the prior's context of {self.shape.context}: "
                "shorten the chunks (mixtures.seconds) or train a prior with a longer context"
            )
        shape = (self.shape.layers, batch, self.shape.kv_heads, length, self.shape.head_width)
        weight = self.head.weight
        return KeyValueCache(weight.new_zeros(shape), weight.new_zeros(shape), used)

    def step(self, inputs: Tensor, cache: KeyValueCache) -> Tensor:
        """Logits [B, K] after one more embedded input [B, width]; `cache` grows by one position."""
        if cache.length == cache.keys.shape[3]:
            raise ValueError(
                f"{cache.length} tokens are all that this cache was made for: start a longer one"
            )
        position = torch.tensor([cache.length], device=inputs.device)
        cosine, sine = (part.to(inputs.dtype) for part in self.rotation(position))
        cache.length += 1
        x = self.placed(inputs[:, None], position)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            keys, values = (store[index, : len(x), :, : cache.length] for store in (cache.keys, cache.values))
            x = block.step(x, cosine, sine, keys, values)
        logits: Tensor = self.head(self.norm(x))[:, 0]
        return logits

    def training_loss(
        self,
        batch: tuple[Tensor, Tensor],
        rng: np.random.Generator,  # noqa: ARG002 (what the training loop hands to every network)
    ) -> dict[str, Tensor]:
        """Mean negative log-likelihood in nats per token of (codes [B, S], classes [B])."""
        codes, classes = batch
        logits = self(codes, classes)
        return {"loss": functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())}


class TransformerPrior:
    """A transformer for one source class, as the decoder asks for it (`lass.separation.prior.Prior`)."""

    def __init__(self, network: Transformer, *, class_index: int = 0) -> None:
        """`class_index` chooses the start token of a class-conditional network."""
        if not 0 <= class_index < network.shape.classes:
            raise ValueError(f"class index {class_index} outside the prior's {network.shape.classes} classes")
        self.network = network.eval()
        self.class_index = class_index
        self.codebook_size = network.shape.codes

    def start(self, batch: int, length: int) -> KeyValueCache:
        """State of `batch` sequences, padded to a whole number of row blocks, before their first token."""
        return self.network.new_cache(padded(batch), length, used=batch)

    @torch.inference_mode()
    def log_probs(self, previous: Tensor | None, state: KeyValueCache) -> Tensor:
        """`log p(z_s | z_<s)` [B, K] in float32, given the codes chosen last [B] (None at the start)."""
        rows = padded(state.used)
        if previous is None:
            inputs = self.network.start.weight[self.class_index].expand(rows, -1)
        else:
            inputs = self.network.embed(functional.pad(previous, (0, rows - len(previous))))
        return self.network.step(inputs, state)[: state.used].float().log_softmax(dim=-1)

    @torch.inference_mode()
    def sequence_loss(self, codes: Tensor) -> Tensor:
        """Mean negative log-likelihood in nats per token of whole sequences [B, S]."""
        classes = torch.full((len(codes),), self.class_index, device=codes.device)
        return self.network.training_loss((codes, classes), np.random.default_rng(0))["loss"]

    def reorder(self, state: KeyValueCache, rows: Tensor) -> None:
        """Sequence b continues what was sequence `rows[b]`; there are len(rows) of them from now on."""
        state.reorder(rows)
