"""The table of shifts, from the scores of every method on the test mixtures, shifted and not."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.evaluation.opening import open_metric
from lass.evaluation.settings import METRIC_SETTINGS
from lass.evaluation.tables.files import align_text, texts_of, write_csv, write_made
from lass.evaluation.tables.scores import read_scores
from lass.evaluation.tables.shifts import UNSHIFTED, summarise_shifts
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, output = snakemake.params, snakemake.output
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    scores = {}
    for name, split in {UNSHIFTED: "test", **params.splits}.items():
        own = [Path(path) for path in snakemake.input.scores if Path(path).parts[-4] == split]
        scores[name] = read_scores(metric, own)
    table = summarise_shifts(scores, rows=params.rows, metric=metric.main)
    write_csv(table, path=Path(output.table))
    logger.info("%s\n%s", output.table, align_text(texts_of(table, metric.cell)))
    write_made(Path(output.made), "shifts", params.config)
