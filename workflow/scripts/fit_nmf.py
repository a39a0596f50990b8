"""Fit a dictionary to the training images of every class."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.images.library import open_images
from lass.data.settings import ImageLibrarySettings
from lass.methods.class_nmf import fit_dictionaries, write_dictionaries
from lass.models.settings import ClassNmf
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params = snakemake.params
    library = open_images(Path(snakemake.input.sources), ImageLibrarySettings(**params.library))
    dictionaries = fit_dictionaries(
        library.read_rows,
        library.labels,
        classes=library.classes,
        settings=ClassNmf(**params.nmf),
        seed=params.seed,
    )
    write_dictionaries(Path(snakemake.output.dictionaries), dictionaries)
