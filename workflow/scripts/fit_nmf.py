"""Fit a dictionary to the training images of every class."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.assembly.images import open_image_library
from lass.methods.class_nmf import fit_dictionaries, write_dictionaries
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params = snakemake.params
    library = open_image_library(Path(snakemake.input.sources), params.library)
    dictionaries = fit_dictionaries(
        library.read, library.labels, classes=library.classes, seed=params.seed, **params.nmf
    )
    write_dictionaries(Path(snakemake.output.dictionaries), dictionaries)
