"""Separate one shard's mixtures by a supervised network."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.data.audio.tracks import open_library
from lass.data.estimates import write_estimates
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.shards import shard_of
from lass.methods.supervised import read_network, separate
from lass.runtime import choose_device, logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    device = choose_device(snakemake.resources.device)
    library = open_library(Path(snakemake.input.sources), **snakemake.params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    path, name = Path(snakemake.input.network), snakemake.wildcards.method
    network = read_network(path, name=name, classes=library.classes).to(device)
    items = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    found = []
    for item in items:
        chunk = load_chunk(library, table, item)
        mixture, weights = (torch.from_numpy(part).to(device) for part in (chunk.audio, chunk.weights))
        found.append(separate(network, mixture, weights=weights).cpu().numpy())
    logger.info("%d mixtures", len(items))
    none = np.empty((0, len(library.classes), 0), dtype=np.float32)
    write_estimates(
        Path(snakemake.output.estimates), items=items, estimates=np.stack(found) if found else none
    )
