"""Bring the images of one split into the form that everything after it reads."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.images.folders import find_pictures, read_picture
from lass.data.images.library import FILE, write_images
from lass.data.images.mnist import read_split
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    colours, size, _ = params.library["image"]
    classes = params.library["classes"]
    first = Path(snakemake.input.images[0])
    if params.source == "mnist":
        digits = read_split(first.parent, split=snakemake.wildcards.split, held_out=params.held_out)
        pixels, labels = digits.images[:, None], digits.labels
    else:
        pictures = find_pictures(first, classes)
        pixels = np.stack([read_picture(path, size=size, colours=colours) for path, _ in pictures])
        labels = np.array([index for _, index in pictures])
    write_images(Path(snakemake.output.sources) / FILE, pixels, labels, classes)
    logger.info("%d images of %d x %d pixels, %d colours", len(pixels), size, size, colours)
