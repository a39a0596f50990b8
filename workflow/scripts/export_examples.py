"""A few mixtures with their sources and every method's estimates, as FLAC files to listen to."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.audio.files import write_audio
from lass.data.audio.tracks import open_library
from lass.data.estimates import read_estimates
from lass.data.mixtures import load_chunk, read_mixtures
from lass.evaluation.metrics.sdr import best_order
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, folder = snakemake.params, Path(snakemake.output.examples)
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    shards = [Path(path) for path in snakemake.input.estimates]
    found = {
        method: read_estimates([path for path in shards if path.parent.name == method])
        for method in params.methods
    }
    # Spread over the list, so that the examples come from different songs.
    for item in np.linspace(0, len(table) - 1, min(params.number, len(table))).round().astype(int).tolist():
        chunk = load_chunk(library, table, item)
        sounds = {"mixture": chunk.audio}
        sounds |= {f"{name}_true": chunk.sources[index] for index, name in enumerate(library.classes)}
        for method, estimates in found.items():
            order = best_order(estimates[item], chunk.sources, kinds=params.kinds[method])
            for name, sound in zip(library.classes, estimates[item][order], strict=True):
                sounds[f"{name}_{method}"] = sound
        loudest = max(1.0, *(float(np.abs(sound).max()) for sound in sounds.values()))
        for name, sound in sounds.items():
            write_audio(
                folder / f"{item:05d}_{name}.flac", sound / loudest, rate=library.rate, subtype="PCM_16"
            )
    logger.info("examples in %s", folder)
