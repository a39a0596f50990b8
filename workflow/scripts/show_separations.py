"""A few test mixtures with their sources and every method's estimates: side by side, and as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.estimates import read_estimates
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.examples import export_examples
from lass.evaluation.opening import open_medium, open_metric
from lass.evaluation.separations import Separations, spread_items
from lass.evaluation.settings import MEDIUM_SETTINGS, METRIC_SETTINGS
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def separations_of(number: int) -> Separations:
    """So many mixtures from all over the list, with the estimates of all methods in their best order."""
    true = mixtures.load(spread_items(len(mixtures), number))
    separations = Separations(true.items, true.classes, true.mixtures, true.sources)
    for method, labels in params.labels.items():
        shards = [path for path in paths if path.parent.name == method]
        separations = separations.with_estimates(method, read_estimates(shards), metric=metric, labels=labels)
    return separations


with logged(snakemake.log[0]) as logger:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    medium = open_medium(MEDIUM_SETTINGS.validate_python(params.medium))
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    paths = [Path(path) for path in given.estimates]
    medium.draw(separations_of(params.pictures), path=Path(output.figure))
    export_examples(separations_of(params.examples), medium=medium, folder=Path(output.examples))
    logger.info("%s and examples in %s", output.figure, output.examples)
