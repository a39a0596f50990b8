"""Statistics of Inception's features of images: a method's estimates, or what they are compared with."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lass.compute.devices import choose_device
from lass.data.estimates import estimates_in_batches
from lass.data.images.library import open_images
from lass.data.mixtures import open_mixtures
from lass.data.settings import ImageLibrarySettings
from lass.evaluation.metrics.fid import pictures_of, statistics_of, write_statistics
from lass.models.pretrained.inception import open_inception
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

AT_ONCE = 256  # mixtures, or images

with logged(snakemake.log[0]) as logger:
    given, data = snakemake.input, ImageLibrarySettings(**snakemake.params.library)
    weights = Path(given.weights)
    network = open_inception(weights).to(choose_device(snakemake.resources.device))

    def images() -> Iterator[Any]:
        """Batches [n, T]: of estimates, of the true sources of mixtures, or of all images."""
        if given.get("estimates"):
            yield from estimates_in_batches(map(Path, given.estimates), at_once=AT_ONCE)
            return
        if given.get("mixtures"):
            mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
            for begin in range(0, len(mixtures), AT_ONCE):
                rows = range(begin, min(begin + AT_ONCE, len(mixtures)))
                yield mixtures.load(rows).sources.reshape(-1, mixtures.length)
            return
        library = open_images(Path(given.sources), data)
        for begin in range(0, len(library), AT_ONCE):
            yield library.read_rows(np.arange(begin, min(begin + AT_ONCE, len(library))))

    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    batches = (network.features(pictures_of(batch, image=data.image)) for batch in images())
    statistics = statistics_of(batches, network=digest)
    write_statistics(Path(snakemake.output.features), statistics)
    logger.info("%d images, network %s", statistics.images, digest)
