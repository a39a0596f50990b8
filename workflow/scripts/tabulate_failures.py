"""The table of failures of every method of a table."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.estimates import read_estimates
from lass.data.mixtures import open_mixtures
from lass.data.settings import AudioLibrarySettings
from lass.evaluation.opening import open_metric
from lass.evaluation.settings import METRIC_SETTINGS
from lass.evaluation.tables.failures import summarise_failures, swaps_of
from lass.evaluation.tables.files import align_text, cell_text, texts_of, write_csv, write_made
from lass.evaluation.tables.scores import Separated, read_scores
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    data = AudioLibrarySettings(**params.library)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    swaps = []
    for method, labels in params.labels.items():
        own = [path for path in map(Path, given.estimates) if path.parent.name == method]
        for item, estimates in read_estimates(own).items():
            true = mixtures.load([item])
            told = [labels[name] for name in true.classes[0]]
            separated = Separated(item, estimates, true.sources[0], true.classes[0], told)
            swaps.append({"method": method, **swaps_of(separated, rate=data.rate)})
    table = summarise_failures(read_scores(metric, map(Path, given.scores)), swaps)
    write_csv(table, path=Path(output.table))
    logger.info("%s\n%s", output.table, align_text(texts_of(table, lambda _, value: cell_text(value))))
    write_made(Path(output.made), "failures", params.config)
