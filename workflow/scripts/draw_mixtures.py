"""Choose the mixtures of a split."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.tracks import open_library
from lass.data.mixtures import draw_mixtures, write_mixtures
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    library = open_library(Path(snakemake.input.sources), rate=params.rate, classes=params.classes)
    table = draw_mixtures(
        library,
        frames=params.frames,
        count=params.number,
        weights=params.weights,
        silence=params.silence,
        seed=params.seed,
    )
    write_mixtures(Path(snakemake.output.mixtures), table)
    logger.info("%d mixtures from %d tracks", len(table), len(set(table["track"].to_pylist())))
