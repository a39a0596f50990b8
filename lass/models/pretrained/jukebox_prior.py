"""The prior of Jukebox: a transformer whose layers attend sparsely (Dhariwal et al. 2020, section 4).

Positions stand in blocks of b. In turn, layers attend to what came before in the block, to the same place in
the blocks before, and to the whole block before; the first block has none, and the third pattern reads
nothing there. Keys have one head. The embedding of the codes is also the output layer.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lass.compute.rows import padded
from lass.models.attention.recorded import RecordedSteps
from lass.models.network import check_length
from lass.models.pretrained.checking import Place
from lass.models.pretrained.jukebox_ancestry import SparseAncestry
from lass.models.pretrained.jukebox_cache import BEFORE, BLOCK, SparseCache, store_sizes
from lass.models.pretrained.stored import check_codebook, describe_part, load_part, without_memory

KIND = "jukebox-prior"


@dataclass(frozen=True)
class JukeboxPriorShape:
    """What fixes the network: stored in its file, checked on loading."""

    codes: int  # K
    context: int  # the longest sequence, in tokens
    block: int  # b
    layers: int
    width: int
    attended: int  # A: channels of queries, keys and values
    hidden: int  # of the feed-forward layers

    @property
    def classes(self) -> int:
        """Start tokens."""
        return 1


class Layer(nn.Module):
    """Attention by one of the patterns, then a feed-forward layer, each added to its normalised input."""

    def __init__(self, shape: JukeboxPriorShape) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.attended)
        self.project = nn.Linear(shape.attended, shape.width)
        self.forward_norm = nn.LayerNorm(shape.width)
        self.expand = nn.Linear(shape.width, shape.hidden)
        self.contract = nn.Linear(shape.hidden, shape.width)

    def mixed(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [..., A] of `x` [..., width]."""
        queries, keys, values = self.qkv(self.attention_norm(x)).chunk(3, dim=-1)
        return queries, keys, values

    def finish(self, x: Tensor, read: Tensor) -> Tensor:
        """Add what attention has `read` [..., A], and then the feed-forward layer's, to `x` [..., width]."""
        x = x + self.project(read)
        hidden = self.expand(self.forward_norm(x))
        forwarded: Tensor = self.contract(hidden * (1.702 * hidden).sigmoid())
        return x + forwarded


def attend_sparsely(pattern: int, block: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What every position of whole blocks reads: all [B, S, A]."""
    if pattern == BEFORE and queries.shape[1] == block:
        return torch.zeros_like(queries)
    q, k, v = (part.unflatten(1, (-1, block)) for part in (queries, keys, values))  # [B, blocks, b, A]
    if pattern == BLOCK:
        read = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    elif pattern == BEFORE:
        read = functional.scaled_dot_product_attention(q[:, 1:], k[:, :-1], v[:, :-1])
        read = torch.cat([torch.zeros_like(q[:, :1]), read], dim=1)
    else:
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # [B, b, blocks, A]
        read = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
    return read.flatten(1, 2)


class JukeboxTransformer(nn.Module):
    """Next-code model: logits of z_s given z_0 .. z_{s-1}."""

    def __init__(self, shape: JukeboxPriorShape) -> None:
        """Build the layers for `shape`; weights come from a file."""
        super().__init__()
        self.shape = shape
        self.start = nn.Parameter(torch.empty(1, shape.width))
        self.embed = nn.Embedding(shape.codes, shape.width)
        self.places = nn.Parameter(torch.empty(shape.context, shape.width))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, codes: Tensor) -> Tensor:
        """Logits [B, S, K] of the positions of `codes` [B, S], each from those before it."""
        check_length(codes.shape[1], context=self.shape.context)
        length, block = codes.shape[1], self.shape.block
        first = self.start.expand(len(codes), 1, -1)
        x = torch.cat([first, self.embed(codes[:, :-1])], dim=1) + self.places[:length]  # [B, S, width]
        x = functional.pad(x, (0, 0, 0, -length % block))  # nothing attends to what comes after it
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = layer.finish(x, attend_sparsely(index % 3, block, *layer.mixed(x)))
        return functional.linear(x[:, :length], self.embed.weight)

    def new_cache(self, batch: int, length: int) -> SparseCache:
        """An empty cache for `batch` sequences of at most `length` tokens."""
        check_length(length, context=self.shape.context)
        like = self.embed.weight[:1, :1].expand(1, self.shape.attended)
        return SparseCache(
            layers=self.shape.layers, rows=batch, positions=length, block=self.shape.block, like=like
        )

    def step(self, inputs: Tensor, cache: SparseCache) -> Tensor:
        """Logits [B, K] after one more embedded input [B, width]; `cache` grows by one position."""
        cache.advance()
        return self.walk(inputs + self.places[cache.length - 1], cache)

    def walk(self, x: Tensor, cache: SparseCache | SparseAncestry) -> Tensor:
        """Logits [B, K] after the input `x` [B, width], placed at the newest position of `cache`."""
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = layer.finish(x, cache.attend(index, *layer.mixed(x)))
        return functional.linear(x, self.embed.weight)


class JukeboxPrior:
    """Jukebox's transformer as the decoder asks for it (`lass.separation.decoding.prior`)."""

    def __init__(self, network: JukeboxTransformer, *, class_index: int = 0) -> None:
        """A prior of what `network` was trained on: it is told no class, so that `class_index` is 0."""
        if class_index != 0:
            raise ValueError(f"class index {class_index}: the prior has 1 start token alone")
        self.network = network.eval()
        self.codebook_size = network.shape.codes

    def start(
        self,
        batch: int,
        length: int,
        *,
        shared: int = 1,  # noqa: ARG002 (of the protocol)
    ) -> SparseCache | RecordedSteps[SparseAncestry]:
        """State of `batch` empty sequences; each keeps its own past, whatever part of it is `shared`."""
        if self.network.embed.weight.is_cuda:
            return self.recorded(batch, length)
        return self.network.new_cache(batch, length)

    def recorded(self, batch: int, length: int) -> RecordedSteps[SparseAncestry]:
        """The state on a GPU, of `batch` sequences."""
        shape, weight = self.network.shape, self.network.embed.weight
        check_length(length, context=shape.context)
        like = weight[:1, :1].expand(1, shape.attended)
        cache = SparseAncestry(
            layers=shape.layers, rows=batch, positions=length, block=shape.block, like=like
        )  # fmt: skip
        return RecordedSteps(cache, self.step_on_gpu)

    def bytes_per_sequence(self, length: int) -> int:
        """Memory that a sequence of `length` tokens takes at most while it is decoded."""
        shape, size = self.network.shape, self.network.embed.weight.element_size()
        stores = store_sizes(
            layers=shape.layers, positions=length, block=shape.block, width=shape.attended
        )  # fmt: skip
        held = sum(int(torch.Size(each).numel()) for each in stores) * size
        step = (8 * shape.width + 4 * shape.hidden + 8 * shape.attended) * size + 12 * shape.codes
        if self.network.embed.weight.is_cuda:  # what a layer reads is gathered; tables of ancestors
            blocks = -(-length // shape.block)
            read = max(shape.block, blocks)
            return (
                held + step + 4 * read * shape.attended * size + 16 * length + 8 * (2 * shape.block + blocks)
            )
        return 2 * held + step  # a cache that grows exists twice, in part

    @torch.inference_mode()
    def log_probs(
        self, previous: Tensor | None, state: SparseCache | RecordedSteps[SparseAncestry]
    ) -> Tensor:
        """`log p(z_s | z_<s)` [B, K] in float32, given the codes chosen last [B] (None at the start)."""
        if isinstance(state, RecordedSteps):
            state.advance()
            if previous is not None:
                return state.next(previous)
            return self.walked(self.network.start.expand(state.used, -1), state.cache)
        rows = padded(state.used)
        if previous is None:
            inputs = self.network.start.expand(rows, -1)
        else:
            inputs = self.network.embed(functional.pad(previous, (0, rows - len(previous))))
        return self.network.step(inputs, state)[: state.used].float().log_softmax(dim=-1)

    def step_on_gpu(self, tokens: Tensor, cache: SparseAncestry) -> Tensor:
        """`log p(z_s | z_<s)` [R, K] after `tokens` [R]: a step that can be recorded."""
        return self.walked(self.network.embed(tokens), cache)

    def walked(self, inputs: Tensor, cache: SparseAncestry) -> Tensor:
        """The same after embedded inputs [R, width]."""
        cache.advance()
        placed = inputs + self.network.places.index_select(0, cache.position)
        return self.network.walk(placed, cache).float().log_softmax(dim=-1)

    def reorder(self, state: SparseCache | RecordedSteps[SparseAncestry], rows: Tensor) -> None:
        """Sequence b continues what was sequence `rows[b]`; there are len(rows) of them from now on."""
        state.reorder(rows)

    @torch.inference_mode()
    def logits(self, codes: Tensor) -> Tensor:
        """Logits [B, S, K] of all positions of `codes` [B, S] in one pass."""
        logits: Tensor = self.network(codes)
        return logits

    @torch.inference_mode()
    def sequence_loss(self, codes: Tensor) -> Tensor:
        """Mean negative log-likelihood in nats per token of whole sequences [B, S]."""
        return functional.cross_entropy(self.logits(codes).float().flatten(0, 1), codes.flatten())


def public_places(layers: int) -> dict[str, Place]:
    """Name of every tensor of a public file of a prior without labels -> its place in the network."""
    places = {
        "prior.start_token": Place("start"),
        "prior.x_emb.weight": Place("embed.weight"),
        "prior.pos_emb.pos_emb": Place("places"),
        "prior.x_out.weight": Place("embed.weight"),
    }
    dense = {"attn.c_attn": "qkv", "attn.c_proj": "project", "mlp.c_fc": "expand", "mlp.c_proj": "contract"}
    for index in range(layers):
        public, own = f"prior.transformer._attn_mods.{index}", f"layers.{index}"
        for name, here in dense.items():
            places[f"{public}.{name}.w"] = Place(f"{own}.{here}.weight", transposed=True)
            places[f"{public}.{name}.b"] = Place(f"{own}.{here}.bias")
        for name, here in {"ln_0": "attention_norm", "ln_1": "forward_norm"}.items():
            for kind in ("weight", "bias"):
                places[f"{public}.{name}.{kind}"] = Place(f"{own}.{here}.{kind}")
    return places


def read_jukebox_prior(path: Path, *, codebook: str | None = None) -> JukeboxTransformer:
    """The prior's network stored at `path`, ready for inference.

    ValueError where it was imported for codes of another codebook than the one that `codebook` names.
    """
    shape, provenance = describe_part(path, KIND, JukeboxPriorShape)
    check_codebook(path, provenance, codebook)
    return load_part(path, without_memory(JukeboxTransformer, shape))
