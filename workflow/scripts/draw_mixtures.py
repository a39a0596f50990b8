"""Choose the mixtures of a split."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.library import open_library
from lass.data.settings import LIBRARY_SETTINGS, MixtureDraw
from lass.data.table import write_mixtures
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    data = LIBRARY_SETTINGS.validate_python(snakemake.params.library)
    library = open_library(Path(snakemake.input.sources), data)
    table = library.draw(MixtureDraw(**snakemake.params.drawing))
    write_mixtures(Path(snakemake.output.mixtures), table)
    used = {item for items in table["items"].to_pylist() for item in items}
    logger.info("%d mixtures from %d of %d items", len(table), len(used), len(library.items))
