"""Spectrograms of a few test mixtures, their sources and every method's estimates."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.audio.tracks import open_library
from lass.data.estimates import read_estimates
from lass.data.mixtures import load_chunk, read_mixtures
from lass.evaluation.figures.spectrograms import draw_spectrograms
from lass.evaluation.metrics.sdr import best_order
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

MOST = 2  # mixtures: more columns than two each are hard to read

with logged(snakemake.log[0]):
    params = snakemake.params
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    # Spread over the list, so that they come from different songs.
    items = np.linspace(0, len(table) - 1, min(MOST, len(table))).round().astype(int).tolist()
    chunks = [load_chunk(library, table, item) for item in items]
    drawn = {}
    for method in params.methods:
        shards = [Path(path) for path in snakemake.input.estimates]
        found = read_estimates([path for path in shards if path.parent.name == method])
        drawn[method] = np.stack(
            [
                found[item][best_order(found[item], chunk.sources, kinds=params.kinds[method])]
                for item, chunk in zip(items, chunks, strict=True)
            ]
        )
    draw_spectrograms(
        np.stack([chunk.audio for chunk in chunks]),
        np.stack([chunk.sources for chunk in chunks]),
        drawn,
        items=items,
        classes=library.classes,
        rate=library.rate,
        path=Path(snakemake.output.figure),
    )
