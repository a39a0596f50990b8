"""Figure 3: the first mixtures of the test split with their sources and every method's estimates."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.assembly.images import open_image_library
from lass.data.estimates import read_estimates
from lass.data.pairs import load_images, read_image_mixtures
from lass.evaluation.metrics.psnr import best_psnr
from lass.evaluation.tables.psnr import draw_separations
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params = snakemake.params
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = read_image_mixtures(Path(snakemake.input.mixtures))
    true = load_images(library, table, range(min(params.number, len(table))))
    names = np.array(library.classes)[true.labels]  # [M, N]
    drawn = {}
    for method in params.methods:
        shards = [Path(path) for path in snakemake.input.estimates]
        found = read_estimates([path for path in shards if path.parent.name == method])
        ordered = []
        for item, sources, classes in zip(true.items, true.sources, names, strict=True):
            kinds = [params.kinds[method][name] for name in classes]
            ordered.append(found[item][best_psnr(found[item], sources, kinds=kinds).order])
        drawn[method] = np.stack(ordered)
    draw_separations(
        true.mixtures, true.sources, drawn, image=library.image, path=Path(snakemake.output.figure)
    )
