"""Some mixtures of a split with what every method made of them, from the files of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.estimates import read_estimates
from lass.data.mixtures import Mixtures
from lass.evaluation.separations import Separations, spread_items
from lass.evaluation.tables.scores import Metric

Shards = Mapping[str, Sequence[Path]]
"""Files of the estimates of every method, in the order in which they are shown."""


def read_separations(
    mixtures: Mixtures,
    number: int,
    *,
    estimates: Shards,
    labels: Mapping[str, Mapping[str, str]],
    metric: Metric,
) -> Separations:
    """So many mixtures from all over the list, with the estimates of all methods in their best order.

    `labels` has the label of every class by method. FileNotFoundError or ValueError, naming the file, for
    estimates that are missing, damaged or of other mixtures.
    """
    true = mixtures.load(spread_items(len(mixtures), number))
    separations = Separations(true.items, true.classes, true.mixtures, true.sources)
    for method, shards in estimates.items():
        found = read_estimates(shards)
        missing = [item for item in true.items if item not in found]
        if missing:
            raise ValueError(
                f"{shards[0].parent if shards else method}: no estimates of mixture {missing[0]}: "
                "separate the mixtures anew"
            )
        separations = separations.with_estimates(method, found, metric=metric, labels=labels[method])
    return separations
