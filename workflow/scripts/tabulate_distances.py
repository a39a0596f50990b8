"""The Frechet distances of all methods' estimates to one set of images, and what they were made with."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.estimates import computed_by_method
from lass.evaluation.metrics.fid import read_statistics
from lass.evaluation.tables.fid import format_distances, tabulate_distances
from lass.evaluation.tables.files import write_csv, write_made
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, output = snakemake.params, snakemake.output
    methods = {Path(path).stem: Path(path) for path in snakemake.input.features}
    table = tabulate_distances(methods, Path(snakemake.input.reference), name=params.reference)
    write_csv(table, path=Path(output.table))
    logger.info("%s\n%s", output.table, format_distances(table))
    write_made(
        Path(output.made),
        "distances",
        params.config,
        split=params.split,
        computed=computed_by_method(map(Path, snakemake.input.estimates)),
        network=next(map(read_statistics, methods.values())).network,
    )
