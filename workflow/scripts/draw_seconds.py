"""Draw how well the rows of a table separate against how long they take."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.evaluation.figures.seconds import draw_seconds
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    quality, figure = snakemake.params.quality, Path(snakemake.output.figure)
    draw_seconds(Path(snakemake.input.table), quality=quality, path=figure)
