"""A separator, from the codec, the likelihood and one prior per source."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lass.assembly.codecs import PRECISIONS, CodecAt
from lass.assembly.priors import open_prior
from lass.likelihood.frames import cut_patches, pair_likelihood, read_patches
from lass.likelihood.tensor import nearest_counted, read_likelihood
from lass.models.transformer import TransformerPrior
from lass.separation.decoding.loop import Method
from lass.separation.separator import Separator


def open_separator(
    *,
    codec: CodecAt,
    likelihood: Path,
    priors: Sequence[Mapping[str, Any]],
    length: int,
    weights: Sequence[float],
    method: Method,
    **settings: Any,
) -> Separator:
    """A separator of mixtures of `length` tokens on the codec's device, at its precision.

    `priors` holds per source the arguments of `open_prior`: path, classes, conditional, source; one that
    serves several sources is opened once and asked for all of them together. `settings` are the separator's
    seed, memory and evidence.
    """
    shape, device = codec.vqvae.shape, codec.device
    table = read_likelihood(likelihood, codebook_size=shape.codes, sources=len(priors)).to(device)
    codebook = codec.vqvae.quantizer
    opened: dict[tuple[Any, ...], TransformerPrior] = {}
    loaded = []
    for prior in priors:
        key = (prior["path"], prior["conditional"] and prior["source"])  # told no class, it serves them all
        if key not in opened:
            opened[key] = open_prior(**prior, codebook=codebook.identity, length=length)
            opened[key].network.to(device, PRECISIONS[codec.precision])
        loaded.append(opened[key])
    return Separator(
        encode=codec.encode,
        decode=codec.decode,
        priors=loaded,
        likelihood=table,
        fallback=nearest_counted(table, codebook.codebook),
        weights=torch.tensor(weights, dtype=torch.float32, device=device),
        method=method,
        **settings,
    )


def open_evidence(
    patches: str | None, *, codec: CodecAt, weights: Sequence[float], noise: float
) -> Callable[[Tensor], Tensor] | None:
    """From mixtures [B, T] to log p(y_s | z_1, z_2) [B, S, K, K], by the moments in the file `patches`.

    None where there is no such file: the table of counts is all that there is.
    """
    if patches is None:
        return None
    shape = codec.vqvae.shape
    moments = read_patches(Path(patches), codebook_size=shape.codes)
    alpha = torch.tensor(weights, dtype=torch.float32, device=codec.device)
    likelihood = pair_likelihood(moments, weights=alpha, noise=noise)
    return lambda mixtures: likelihood(cut_patches(mixtures, image=shape.image, hop=shape.hop))
