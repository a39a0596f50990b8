"""The table of Frechet distances: a row per method, its estimates against one set of images."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lass.evaluation.metrics.fid import (
    FeatureStatistics,
    frechet_distance,
    read_statistics,
    warn_of_few,
)
from lass.evaluation.tables.files import align_text, cell_text, texts_of

COLUMNS = {
    "method": "str",
    "fid": "float64",
    "images": "Int64",
    "reference": "str",
    "reference_images": "Int64",
}
"""A row per method: how many images were compared, with how many of which set; missing where not known."""

logger = logging.getLogger(__name__)


def tabulate_distances(methods: Mapping[str, Path], reference: Path, *, name: str) -> pd.DataFrame:
    """The distance of every method's statistics to those of the `reference`, which is called `name`.

    Fewer than 2,048 images of either are logged as a warning. ValueError, naming the file, where one is none
    of statistics, or of another network's features than the first method's.
    """
    true = read_statistics(reference)
    rows, network = [], None
    if true.images is not None:
        warn_of_few(true.images)
    else:
        logger.warning("%s does not say of how many images it is, nor of which network", reference)
    for method, path in methods.items():
        own = read_statistics(path)
        network = network or own.network
        for file, other in ((path, own), (reference, true)):
            if None not in (other.network, network) and other.network != network:
                raise ValueError(
                    f"{file}: features of network {other.network}, but others are of {network}: measure all "
                    "with the same weights"
                )
        if own.images is not None:
            warn_of_few(own.images)
        rows.append((method, distance_of(own, true, path=reference), own.images, name, true.images))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def distance_of(own: FeatureStatistics, true: FeatureStatistics, *, path: Path) -> float:
    """The distance; a ValueError names the file of the reference at `path`."""
    try:
        return frechet_distance(own, true)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def format_distances(table: pd.DataFrame) -> str:
    """The table as aligned text."""
    return align_text(texts_of(table, lambda _, value: cell_text(value)))
