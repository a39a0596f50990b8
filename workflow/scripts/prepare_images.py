"""Bring the images of one split into the form that everything after it reads."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.contents import record_digests
from lass.data.images.library import FILE, write_images
from lass.data.images.readers import read_images
from lass.data.settings import Contents, ImageLibrarySettings
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, library = snakemake.params, ImageLibrarySettings(**snakemake.params.library)
    if params.files:
        record_digests(Contents(**params.files))
    pixels, labels = read_images(
        params.reader,
        root=Path(params.root or Path(snakemake.input[0]).parent),
        split=snakemake.wildcards.split,
        image=library.image,
        classes=library.classes,
        files=params.classes_in,
        held_out=params.held_out,
    )
    write_images(Path(snakemake.output.sources) / FILE, pixels, labels, library.classes)
    logger.info("%d images of %d x %d x %d numbers", len(pixels), *library.image)
