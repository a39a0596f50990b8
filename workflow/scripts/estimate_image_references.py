"""The rows of the tables that need no prior: the mixture itself, NMF, and the codec's ceiling D(E(x_n))."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.assembly.images import open_image_library
from lass.data.estimates import write_estimates
from lass.data.pairs import ImageMixtures, load_images, read_image_mixtures
from lass.data.shards import shard_of
from lass.methods.class_nmf import average, read_dictionaries, separate_nmf
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

BATCH = 100  # mixtures at a time

with logged(snakemake.log[0]), torch.inference_mode():
    params, given = snakemake.params, snakemake.input
    library = open_image_library(Path(given.sources), params.library)
    table = read_image_mixtures(Path(given.mixtures))

    parts = set(given.keys())
    if "dictionaries" in parts:
        pixels = int(np.prod(library.image))
        dictionaries = read_dictionaries(Path(given.dictionaries), classes=library.classes, pixels=pixels)
    if "vqvae" in parts:
        device = choose_device(snakemake.resources.device)
        vqvae = read_vqvae(Path(given.vqvae), **params.codec).to(device)

    def estimate(images: ImageMixtures) -> np.ndarray:
        """Estimates [B, N, T] of the sources."""
        if "dictionaries" in parts:
            settings = {"weights": params.weights, "iterations": params.iterations}
            return separate_nmf(dictionaries, images.mixtures, images.labels, **settings)
        if "vqvae" in parts:
            codes = vqvae.encode(torch.from_numpy(images.sources).flatten(0, 1).to(device))
            return np.asarray(vqvae.decode(codes).cpu().numpy().reshape(images.sources.shape))
        return average(images.mixtures, sources=len(params.weights))

    items = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    batches = [items[begin : begin + BATCH] for begin in range(0, len(items), BATCH)]
    estimates = [estimate(load_images(library, table, batch)) for batch in batches]
    none = np.empty((0, len(params.weights), int(np.prod(library.image))), dtype=np.float32)
    write_estimates(
        Path(snakemake.output.estimates), items=items, estimates=np.concatenate([none, *estimates])
    )
