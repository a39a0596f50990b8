"""The smallest model that a separation can be put together with."""

from pathlib import Path
from typing import Any

import torch

from lass.likelihood.settings import Counted
from lass.likelihood.tensor import build_likelihood, write_likelihood
from lass.models.checkpoint import new_network, write_checkpoint
from lass.models.codec import CodecAt
from lass.models.settings import PriorOfClass
from lass.models.transformer import Transformer, TransformerShape
from lass.models.vqvae import Vqvae, VqvaeShape
from tests.likelihood.dense import count, draw_codes


def small_codec(*, stride: int, **changes: Any) -> VqvaeShape:
    """K = 6 codes, `stride` samples per token or pixels of a token's side."""
    sizes: dict[str, Any] = {"codes": 6, "code_channels": 2, "strides": (stride,), "channels": (4,)}
    sizes |= dict.fromkeys(("encoder_blocks", "decoder_blocks"), 0)
    sizes |= dict.fromkeys(("encoder_dilation", "decoder_dilation"), 1)
    return VqvaeShape(**sizes, **changes)


def new_codec(shape: VqvaeShape, *, seed: int = 0) -> CodecAt:
    """A codec with codes that are all in use."""
    network = new_network(Vqvae, shape, seed=0).eval().requires_grad_(False)
    network.quantizer.codebook.copy_(torch.rand(6, 2, generator=torch.Generator().manual_seed(seed)))
    return CodecAt(network, "float32")


def network_of(codec: CodecAt) -> Vqvae:
    """The project's own network behind a codec by `new_codec`."""
    assert isinstance(codec.vqvae, Vqvae)
    return codec.vqvae


def counted_from(codebook: str, *, sources: int = 2) -> Counted:
    """What the table of `write_table` says that it was counted from."""
    return Counted(codebook=codebook, sources=("a",) * sources, weights=(0.5,) * sources, tuples=200)


def write_table(path: Path, codebook: str, *, sources: int = 2, codes: int = 6) -> Path:
    """A likelihood of random counts of the codes of `codebook`."""
    drawn, mixture = draw_codes(sources=sources, codebook_size=codes, positions=200, seed=1)
    table = build_likelihood(count(drawn, mixture, codebook_size=codes))
    write_likelihood(path, table, counted=counted_from(codebook, sources=sources))
    return path


def write_prior(
    path: Path, codebook: str, *, trained_on: list[str], conditional: bool = False, **sizes: Any
) -> Path:
    """A prior with random weights and a context of 8 tokens."""
    classes = len(trained_on) if conditional else 1
    values = {"context": 8, "layers": 1, "width": 8, "heads": 2, "kv_heads": 1} | sizes
    network = new_network(
        Transformer, TransformerShape(codes=6, classes=classes, **values), seed=len(path.name)
    )
    write_checkpoint(path, network, provenance={"codebook": codebook, "classes": trained_on})
    return path


def of_class(
    source: str, *, prior: str = "", classes: list[str] | None = None, conditional: bool = False
) -> PriorOfClass:
    """The description of the prior of one class, by default its own."""
    return PriorOfClass(
        source=source, prior=prior or source, classes=classes or [source], conditional=conditional
    )
