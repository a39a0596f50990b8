"""Score one shard of a method's estimates."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.estimates import read_estimates
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.opening import open_metric
from lass.evaluation.settings import METRIC_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.scores import Coverage, Separated, score_mixtures
from lass.runtime import logged
from lass.tokens import read_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    candidates = given.get("candidates")
    known = read_candidates([Path(candidates)]) if candidates else {}

    def beside_truth(item: int) -> Separated:
        """The estimates of a mixture beside its sources."""
        true = mixtures.load([item])
        coverage = Coverage(known[item]["uncounted"], params.positions) if known else Coverage()
        return Separated(
            mixture=item,
            estimates=estimates[item],
            sources=true.sources[0],
            classes=true.classes[0],
            labels=[params.labels[name] for name in true.classes[0]],
            coverage=coverage,
        )

    estimates = read_estimates([Path(given.estimates)])
    rows = score_mixtures(metric, map(beside_truth, estimates), method=snakemake.wildcards.method)
    write_csv(rows, path=Path(snakemake.output.scores))
    logger.info("%d rows", len(rows))
