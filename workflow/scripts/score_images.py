"""Score one shard of a method's estimates of images: the PSNR of every mixture."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lass.assembly.images import open_image_library
from lass.data.estimates import read_estimates
from lass.data.pairs import load_images, read_image_mixtures
from lass.evaluation.metrics.psnr import best_psnr
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.psnr import SCORES
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, method = snakemake.params, snakemake.wildcards.method
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = read_image_mixtures(Path(snakemake.input.mixtures))
    rows = []
    for item, estimates in read_estimates([Path(snakemake.input.estimates)]).items():
        true = load_images(library, table, [item])
        kinds = [params.kinds[library.classes[label]] for label in true.labels[0]]
        scores = best_psnr(estimates, true.sources[0], kinds=kinds)
        rows.append({"method": method, "mixture": item, "psnr": scores.mean})
    write_csv(pa.Table.from_pylist(rows, schema=SCORES), path=Path(snakemake.output.scores))
    logger.info("%d mixtures", len(rows))
