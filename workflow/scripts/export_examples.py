"""A few mixtures with their sources and every method's estimates, as FLAC files to listen to."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.audio import read_audio, write_audio
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.sources import open_library
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, folder = snakemake.params, Path(snakemake.output.examples)
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    files = {
        (method, path.name): path
        for method in params.methods
        for parent in snakemake.input[method]
        for path in sorted(Path(parent).glob("*.wav"))
    }
    # Spread over the list, so that the examples come from different songs.
    for item in np.linspace(0, len(table) - 1, min(params.number, len(table))).round().astype(int).tolist():
        chunk = load_chunk(library, table, item)
        sounds = {"mixture": chunk.audio}
        for index, name in enumerate(library.classes):
            sounds[f"{name}_true"] = chunk.sources[index]
            for method in params.methods:
                estimates = read_audio(files[method, f"{item:05d}.wav"], rate=library.rate)
                sounds[f"{name}_{method}"] = estimates[index]
        loudest = max(1.0, *(float(np.abs(sound).max()) for sound in sounds.values()))
        for name, sound in sounds.items():
            write_audio(
                folder / f"{item:05d}_{name}.flac", sound / loudest, rate=library.rate, subtype="PCM_16"
            )
    logger.info("examples in %s", folder)
