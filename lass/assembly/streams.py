"""The stream of random tuples, from sources, token tables and the VQ-VAE."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lass.data.sources import open_library
from lass.data.tuples import TupleStream
from lass.models.vqvae import Vqvae
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
