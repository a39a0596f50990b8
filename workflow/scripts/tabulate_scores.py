"""A table of results: one row per method from the scores of all mixtures, with a figure and the settings."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.estimates import computed_by_method
from lass.evaluation.opening import open_metric
from lass.evaluation.settings import METRIC_SETTINGS
from lass.evaluation.tables.files import write_csv, write_made
from lass.evaluation.tables.scores import read_scores
from lass.evaluation.tables.seconds import with_seconds
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, output = snakemake.params, snakemake.output
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    rows = read_scores(metric, [Path(path) for path in snakemake.input.scores])
    summary = metric.summarise(rows, classes=params.classes)
    if params.timed:
        summary = with_seconds(summary, [Path(path) for path in snakemake.input.seconds])
    write_csv(summary, path=Path(output.table))
    logger.info("%s\n%s", output.table, metric.format(Path(output.table)))
    metric.draw(rows, classes=params.classes, path=Path(output.figure))
    computed = computed_by_method(map(Path, snakemake.input.estimates))
    more = {"split": params.split, "computed": computed}
    write_made(Path(output.made), "scores", params.config, **more)
