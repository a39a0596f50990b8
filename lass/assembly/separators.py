"""A separator, from the codec, the likelihood and one prior per source."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lass.assembly.priors import open_prior
from lass.likelihood.tensor import nearest_counted, read_likelihood
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
    **settings: Any,
) -> Separator:
    """A separator of mixtures of `length` tokens on the codec's device.

    `priors` holds per source the arguments of `open_prior`: path, classes, conditional, source. `settings`
    are the separator's selection and seed.
    """
    device = codec.quantizer.codebook.device
    table = read_likelihood(likelihood, codebook_size=codec.shape.codes, sources=len(priors)).to(device)
    loaded = [open_prior(**prior, codebook=codec.quantizer.identity, length=length) for prior in priors]
    for prior in loaded:
        prior.network.to(device)
    return Separator(
        encode=codec.encode,
        decode=codec.decode,
        priors=loaded,
        likelihood=table,
        fallback=nearest_counted(table, codec.quantizer.codebook),
        weights=torch.tensor(weights, dtype=torch.float32, device=device),
        method=method,
        **settings,
    )
