"""A separator, from the codec, the likelihood and one prior per source."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lass.assembly.priors import open_prior
from lass.likelihood.tensor import nearest_counted, read_likelihood
from lass.models.transformer import TransformerPrior
from lass.models.vqvae import Vqvae
from lass.separation.decoding import Method
from lass.separation.separator import Separator


def open_separator(
    *,
    codec: Vqvae,
    likelihood: Path,
    priors: Sequence[Mapping[str, Any]],
    length: int,
    weights: Sequence[float],
    method: Method,
    precision: str = "float32",
    **settings: Any,
) -> Separator:
    """A separator of mixtures of `length` tokens on the codec's device.

    `priors` holds per source the arguments of `open_prior`: path, classes, conditional, source; one that
    serves several sources is opened once and asked for all of them together. `precision` is float32 or
    bfloat16: that of the priors' steps and of decoding. `settings` are the separator's selection and seed.
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision {precision!r}: choose float32 or bfloat16")
    device = codec.quantizer.codebook.device
    table = read_likelihood(likelihood, codebook_size=codec.shape.codes, sources=len(priors)).to(device)
    low = precision == "bfloat16"
    opened: dict[tuple[Any, ...], TransformerPrior] = {}
    loaded = []
    for prior in priors:
        key = (prior["path"], prior["conditional"] and prior["source"])  # told no class, it serves them all
        if key not in opened:
            opened[key] = open_prior(**prior, codebook=codec.quantizer.identity, length=length)
            opened[key].network.to(device, torch.bfloat16 if low else torch.float32)
        loaded.append(opened[key])

    def decode(codes: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            return codec.decode(codes).float()

    return Separator(
        encode=codec.encode,
        decode=decode,
        priors=loaded,
        likelihood=table,
        fallback=nearest_counted(table, codec.quantizer.codebook),
        weights=torch.tensor(weights, dtype=torch.float32, device=device),
        method=method,
        **settings,
    )
