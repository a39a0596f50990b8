"""Choose the images that are mixed."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.assembly.images import open_image_library
from lass.data.pairs import draw_image_mixtures, write_image_mixtures
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = draw_image_mixtures(
        library.labels,
        classes=library.classes,
        count=params.number,
        sources=len(params.weights),
        weights=params.weights,
        seed=params.seed,
    )
    write_image_mixtures(Path(snakemake.output.mixtures), table)
    logger.info("%d mixtures of %d images", len(table), len(library))
