"""The rows beside every method: the mixture itself, the codec's ceiling D(E(x_n)), the ideal ratio mask."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.data.audio.tracks import open_library
from lass.data.estimates import write_estimates
from lass.data.mixtures import Chunk, load_chunk, read_mixtures
from lass.data.shards import shard_of
from lass.methods.oracles import ideal_ratio_mask
from lass.models.checkpoint import read_vqvae
from lass.models.vqvae import Vqvae
from lass.runtime import choose_device, logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]), torch.inference_mode():
    params = snakemake.params
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))

    @cache
    def codec() -> tuple[Vqvae, torch.device]:
        """The VQ-VAE and where it is."""
        device = choose_device(snakemake.resources.device)
        return read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device), device

    def mixture(chunk: Chunk) -> np.ndarray:
        """What is heard of source n is alpha_n x_n: y stands for it, so y / alpha_n for x_n [N, T]."""
        return np.asarray(chunk.audio / chunk.weights[:, None])

    def codec_ceiling(chunk: Chunk) -> np.ndarray:
        """Every source encoded and decoded by itself [N, T]."""
        vqvae, device = codec()
        codes = [vqvae.encode(torch.from_numpy(source)[None].to(device)) for source in chunk.sources]
        return np.concatenate([vqvae.decode(code).cpu().numpy() for code in codes])

    def ideal_mask(chunk: Chunk) -> np.ndarray:
        """What the true spectrograms make of the mixture's [N, T]."""
        return ideal_ratio_mask(chunk.sources, weights=chunk.weights, rate=library.rate)

    methods = {"mixture": mixture, "codec_ceiling": codec_ceiling, "ideal_mask": ideal_mask}
    estimate = methods[snakemake.wildcards.method]
    items = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    none = np.empty((0, len(library.classes), 0), dtype=np.float32)
    found = [estimate(load_chunk(library, table, item)) for item in items]
    write_estimates(
        Path(snakemake.output.estimates), items=items, estimates=np.stack(found) if found else none
    )
