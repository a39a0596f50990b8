"""A few test mixtures with their sources and every method's estimates: side by side, and as files."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.examples import export_examples
from lass.evaluation.opening import open_medium, open_metric
from lass.evaluation.settings import MEDIUM_SETTINGS, METRIC_SETTINGS
from lass.pages.reading import read_separations
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


with logged(snakemake.log[0]) as logger:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    metric = open_metric(METRIC_SETTINGS.validate_python(params.metric))
    medium = open_medium(MEDIUM_SETTINGS.validate_python(params.medium))
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    paths = [Path(path) for path in given.estimates]
    shards = {name: [path for path in paths if path.parent.name == name] for name in params.labels}
    reading = partial(read_separations, mixtures, estimates=shards, labels=params.labels, metric=metric)
    medium.draw(reading(params.pictures), path=Path(output.figure))
    export_examples(reading(params.examples), medium=medium, folder=Path(output.examples))
    logger.info("%s and examples in %s", output.figure, output.examples)
