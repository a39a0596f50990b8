"""Opens parts from their files, checks that they belong together, and puts them together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lass.data.sources import open_library
from lass.data.tuples import TupleStream
from lass.likelihood.tensor import nearest_counted, read_likelihood
from lass.models.checkpoint import describe_checkpoint, read_transformer
from lass.models.transformer import TransformerPrior
from lass.models.vqvae import Vqvae
from lass.separation.decoding import Method
from lass.separation.separator import Separator
from lass.tokens import read_tokens, sequences


def open_stream(
    *,
    sources: Path,
    tokens: Sequence[Path],
    vqvae: Vqvae,
    library: Mapping[str, Any],
    weights: Sequence[float],
    settings: Mapping[str, int],
    seed: int,
) -> TupleStream:
    """Random tuples of the sources in the folder `sources`, whose codes are in the tables `tokens`.

    `library` holds rate and classes, `settings` tokens per mixture and mixtures per group.
    """
    device = next(vqvae.parameters()).device

    @torch.inference_mode()
    def encode(audio: np.ndarray) -> np.ndarray:
        return np.asarray(vqvae.encode(torch.from_numpy(audio).to(device)).cpu().numpy())

    table = read_tokens(tokens, codebook=vqvae.quantizer.identity)
    return TupleStream(
        library=open_library(sources, **library),
        codes=[sequences(table, source=name) for name in library["classes"]],
        encode=encode,
        weights=np.asarray(weights, dtype=np.float32),
        hop=vqvae.shape.hop,
        margin=vqvae.margin,
        seed=seed,
        **settings,
    )


def open_prior(path: Path, *, classes: Sequence[str], source: str, codebook: str) -> TransformerPrior:
    """The prior at `path` for the class `source`; `classes` are those that it was trained on, in order."""
    network = read_transformer(path, codebook=codebook)
    stored = describe_checkpoint(path, "transformer")["provenance"].get("classes")
    if stored is not None and list(stored) != list(classes):
        raise ValueError(f"{path}: trained on the classes {stored}, but configured for {list(classes)}")
    conditional = network.shape.classes > 1
    return TransformerPrior(network, class_index=list(classes).index(source) if conditional else 0)


def open_separator(
    *,
    codec: Vqvae,
    likelihood: Path,
    priors: Sequence[tuple[Path, Sequence[str], str]],
    weights: Sequence[float],
    method: Method,
    selection: str,
    seed: int,
) -> Separator:
    """A separator on the codec's device.

    `priors` gives per source the checkpoint, the classes that it was trained on and the source's class.
    """
    device = codec.quantizer.codebook.device
    table = read_likelihood(likelihood, codebook_size=codec.shape.codes, sources=len(priors)).to(device)
    loaded = [
        open_prior(path, classes=classes, source=source, codebook=codec.quantizer.identity)
        for path, classes, source in priors
    ]
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
        selection=selection,
        seed=seed,
    )
