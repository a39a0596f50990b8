"""The stream of random tuples, from sources, token tables and the VQ-VAE."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lass.assembly.sources import open_sources
from lass.data.audio.tracks import SourceLibrary
from lass.data.tuples import ImageTupleStream, TupleStream, codes_of_images
from lass.models.vqvae import Vqvae
from lass.tokens import read_tokens, sequences, without_copies


def open_stream(
    *,
    sources: Path,
    tokens: Sequence[Path],
    vqvae: Vqvae,
    library: Mapping[str, Any],
    weights: Sequence[float],
    settings: Mapping[str, int],
    seed: int,
) -> TupleStream | ImageTupleStream:
    """Random tuples of the sources in the folder `sources`, whose codes are in the tables `tokens`.

    `library` is that of `open_sources`; `settings` holds the mixtures per group, and for music the tokens per
    mixture.
    """
    device = next(vqvae.parameters()).device

    @torch.inference_mode()
    def encode(data: np.ndarray) -> np.ndarray:
        return np.asarray(vqvae.encode(torch.from_numpy(data).to(device)).cpu().numpy())

    table = without_copies(read_tokens(tokens, codebook=vqvae.quantizer.identity))
    codes = [sequences(table, source=name) for name in library["classes"]]
    opened = open_sources(sources, library)
    alphas = np.asarray(weights, dtype=np.float32)
    if isinstance(opened, SourceLibrary):
        shape = {"hop": vqvae.shape.hop, "margin": vqvae.margin}
        return TupleStream(opened, codes, encode, weights=alphas, seed=seed, **shape, **settings)
    return ImageTupleStream(
        opened, codes_of_images(codes, opened), encode, weights=alphas, seed=seed, **settings
    )
