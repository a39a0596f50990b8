"""Split one shard's mixtures by a blind method, which neither knows the classes nor learns them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.audio.tracks import open_library
from lass.data.estimates import write_estimates
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.shards import shard_of
from lass.methods.blind.separate import separate_blindly
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, method = snakemake.params, snakemake.wildcards.method
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    items = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    found = []
    for item in items:
        chunk = load_chunk(library, table, item)
        seed = int(np.random.SeedSequence((params.seed, item)).generate_state(1)[0])
        addends = separate_blindly(chunk.audio, method=method, rate=library.rate, seed=seed)
        found.append(addends / chunk.weights[:, None])  # of x_n; the order is chosen when they are scored
    logger.info("%d mixtures", len(items))
    none = np.empty((0, len(library.classes), 0), dtype=np.float32)
    write_estimates(
        Path(snakemake.output.estimates), items=items, estimates=np.stack(found) if found else none
    )
