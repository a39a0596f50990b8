"""The page of a decoder's candidates: a few mixtures, their sources, and each candidate (Figure 1)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lass.evaluation.page.description import Page
from lass.evaluation.page.writing import write_page
from lass.evaluation.separations import Medium, Separations
from lass.evaluation.tables.scores import Metric, Separated, score_mixtures


def draw_candidates(
    shown: Separations,
    *,
    title: str,
    metric: Metric,
    medium: Medium,
    classes: Sequence[str],
    labels: Mapping[str, str],
    path: Path,
) -> None:
    """Write the page of `shown`, whose estimates are candidates by name, in their best order.

    Its table is about the mixtures shown. `classes` are those of the sources of a mixture, which may repeat;
    `labels` has the label of every class: sources of equal labels may change places.
    """
    scores = pd.concat(
        [score_mixtures(metric, separated(shown, name, labels), method=name) for name in shown.estimates],
        ignore_index=True,
    )
    table = metric.summarise(scores, classes=classes)
    page = Page(title=title, table=table, separations=shown, scores=scores)
    write_page(page, metric=metric, medium=medium, path=path)


def separated(shown: Separations, name: str, labels: Mapping[str, str]) -> list[Separated]:
    """The estimates by `name` of every mixture beside its true sources."""
    return [
        Separated(item, estimates, sources, classes, [labels[each] for each in classes])
        for item, estimates, sources, classes in zip(
            shown.items, shown.estimates[name], shown.sources, shown.classes, strict=True
        )
    ]
