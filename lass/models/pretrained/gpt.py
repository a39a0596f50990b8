"""Causal transformers with learned positions: minGPT of taming-transformers, and GPT-2 of Hugging Face.

They differ in the activation and in whether the output layer is the embedding; their files differ in names
(`lass.models.pretrained.taming`, `lass.models.pretrained.huggingface`). A sequence begins with a code that
stands for its class: class c is the code c, and a network that knows no classes begins with code 0.

`lass.models.transformer.TransformerPrior` makes a prior of the network, with its caches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.models.attention.cache import KeyValueCache, SharedCache
from lass.models.network import check_length, code_loss
from lass.models.pretrained.stored import check_codebook, describe_part, load_part, without_memory
from lass.models.transformer import causal_attention

KIND = "gpt"
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
}


@dataclass(frozen=True)
class GptShape:
    """What fixes the network: stored with its weights, derived from a published file but for the heads."""

    codes: int  # K
    classes: int  # how many codes may stand at the start
    context: int  # the longest sequence, in tokens
    layers: int
    width: int
    heads: int
    hidden: int  # channels of a feed-forward layer
    activation: str = "gelu"  # or gelu_tanh
    tied: bool = False  # whether the output layer is the embedding
    epsilon: float = 1e-5  # of all normalisations
    starts: tuple[int, ...] = ()  # the code of every class, where they are not the first ones in order

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if self.heads < 1 or self.width % (2 * self.heads):
            raise ValueError(
                f"gpt: width {self.width} must be a multiple of twice the heads, {self.heads}: give the "
                "number of heads (n_head) of the published configuration"
            )
        if not 1 <= self.classes <= self.codes:
            raise ValueError(
                f"gpt: {self.classes} classes, but each is one of {self.codes} codes: give 1 to {self.codes}"
            )
        if self.starts and (
            len(self.starts) != self.classes or not set(self.starts) <= set(range(self.codes))
        ):
            raise ValueError(
                f"gpt: classes begin with codes {list(self.starts)}: give one of 0 to {self.codes - 1} for "
                f"each of {self.classes} classes"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"gpt: activation {self.activation!r}: choose one of {sorted(ACTIVATIONS)}")

    @property
    def kv_heads(self) -> int:
        """Every head has keys and values of its own."""
        return self.heads

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


class GptBlock(nn.Module):
    """Attention and feed-forward layer, each added to its normalised input."""

    def __init__(self, shape: GptShape) -> None:
        """Build the layers for `shape`."""
        super().__init__()
        width, epsilon = shape.width, shape.epsilon
        self.shape = shape
        self.attention_norm = nn.LayerNorm(width, eps=epsilon)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.forward_norm = nn.LayerNorm(width, eps=epsilon)
        self.expand = nn.Linear(width, shape.hidden)
        self.contract = nn.Linear(shape.hidden, width)

    def mixed(self, x: Tensor) -> Tensor:
        """Queries, keys and values [..., 3 * H * D] of `x` [..., width]."""
        mixed: Tensor = self.qkv(self.attention_norm(x))
        return mixed

    def split(self, mixed: Tensor) -> list[Tensor]:
        """Queries, keys and values, each [B, H, S, D], of `mixed` [B, S, 3 * H * D]."""
        parts = mixed.chunk(3, dim=-1)
        return [part.unflatten(-1, (self.shape.heads, -1)).transpose(1, 2) for part in parts]

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add the attention's output and then the feed-forward layer's to `x`, both [..., width]."""
        x = x + self.project(attended)
        hidden = ACTIVATIONS[self.shape.activation](self.expand(self.forward_norm(x)))
        forwarded: Tensor = self.contract(hidden)
        return x + forwarded

    def forward(self, x: Tensor) -> Tensor:
        """Causal pass over whole sequences `x` [B, S, width]."""
        attended = causal_attention(*self.split(self.mixed(x)))  # [B, H, S, D]
        return self.finish(x, attended.transpose(1, 2).flatten(2))


class Gpt(nn.Module):
    """Next-code model: logits of z_s given the class's code and z_0 .. z_{s-1}."""

    def __init__(self, shape: GptShape) -> None:
        """Build the layers for `shape`."""
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.codes, shape.width)
        self.places = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(GptBlock(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.head = None if shape.tied else nn.Linear(shape.width, shape.codes, bias=False)

    @property
    def start(self) -> nn.Embedding:
        """What stands before the first code: the row of the class in the embedding of the codes."""
        if not self.shape.starts:
            return self.embed
        rows = self.embed.weight[torch.tensor(self.shape.starts, device=self.embed.weight.device)]
        chosen: nn.Embedding = nn.Embedding.from_pretrained(rows)
        return chosen

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine [S, D / 2] of no rotation: positions are added to the input."""
        turned = torch.zeros(len(positions), self.shape.head_width // 2, device=positions.device)
        return turned.cos(), turned.sin()

    def forward(self, codes: Tensor, classes: Tensor) -> Tensor:
        """Logits [B, S, K] of the positions of `codes` [B, S], each from those before it; `classes` [B]."""
        check_length(codes.shape[1], context=self.shape.context)
        inputs = torch.cat([self.start(classes)[:, None], self.embed(codes[:, :-1])], dim=1)  # [B, S, width]
        x = inputs + self.places.weight[: codes.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.logits(x)

    def logits(self, x: Tensor) -> Tensor:
        """Logits [..., K] after the last block's `x` [..., width]."""
        rows = self.embed if self.head is None else self.head
        return functional.linear(self.norm(x), rows.weight)

    def step(self, inputs: Tensor, cache: KeyValueCache | SharedCache) -> Tensor:
        """Logits [B, K] after one more embedded input [B, width]; `cache` grows by one position."""
        cache.advance()
        position = torch.tensor([cache.length - 1], device=inputs.device)

        def attend(index: int, block: GptBlock, mixed: Tensor) -> Tensor:
            return cache.attend(index, *block.split(mixed[:, None])).flatten(1)

        return self.walk(inputs, position, attend)

    def walk(
        self, inputs: Tensor, position: Tensor, attend: Callable[[int, GptBlock, Tensor], Tensor]
    ) -> Tensor:
        """Logits [B, K] after embedded inputs [B, width] at `position` [1].

        `attend` remembers what a block mixes for it [B, 3 * H * D] and reads all [B, H * D].
        """
        x = inputs + self.places(position)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, GptBlock)
            x = block.finish(x, attend(index, block, block.mixed(x)))
        return self.logits(x)

    def training_loss(
        self,
        batch: tuple[Tensor, Tensor],
        rng: np.random.Generator,  # noqa: ARG002 (what the training loop hands to every network)
    ) -> dict[str, Tensor]:
        """Mean negative log-likelihood in nats per token of (codes [B, S], classes [B])."""
        return code_loss(self, batch)


def codes_of_classes(classes: Sequence[str]) -> tuple[list[str], tuple[int, ...]]:
    """Names of classes, and the code that each begins with where they are given as `tiger=292`.

    Without numbers there are no codes: the first class begins with code 0, and so on. ValueError where only
    some have one.
    """
    parts = [each.partition("=") for each in classes]
    numbers = [number.strip() for _, equals, number in parts if equals]
    if not numbers:
        return list(classes), ()
    if len(numbers) != len(parts) or not all(each.isdecimal() for each in numbers):
        raise ValueError(
            f"classes {', '.join(classes)}: give each a number, such as tiger=292, or none of them"
        )
    return [name.strip() for name, _, _ in parts], tuple(map(int, numbers))


def told_classes(classes: Sequence[str]) -> tuple[int, dict[str, list[str]]]:
    """How many codes stand for classes at the start, and what the provenance tells of them.

    `classes`: their names in order; a number alone, of classes without names; or none, where sequences begin
    with code 0 and say nothing of a class.
    """
    if not classes:
        return 1, {}
    if len(classes) == 1 and classes[0].isdecimal():
        return int(classes[0]), {}
    return len(classes), {"classes": list(classes)}


def read_gpt(path: Path, *, codebook: str | None = None) -> Gpt:
    """The network stored at `path`, ready for inference.

    ValueError where it is of another kind or damaged, or was imported for codes of another codebook than the
    one that `codebook` names.
    """
    shape, provenance = describe_part(path, KIND, GptShape)
    check_codebook(path, provenance, codebook)
    return load_part(path, without_memory(Gpt, shape))
