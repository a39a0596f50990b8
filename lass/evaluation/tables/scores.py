"""What every metric does: from estimates to score rows, and from these to a table and a figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pandas as pd
from numpy.typing import ArrayLike

from lass.evaluation.tables.files import read_csv

Row = dict[str, Any]
"""A row of a table: name of the column -> value."""


@dataclass(frozen=True)
class Coverage:
    """Codes of a mixture of which the likelihood knew nothing; 0 of 0 for a method without codes."""

    uncounted: int = 0
    positions: int = 0


@dataclass(frozen=True, eq=False)
class Separated:
    """One mixture's estimates beside its true sources."""

    mixture: int
    estimates: ArrayLike  # [N, T], in any order among equal labels
    sources: ArrayLike  # x_n [N, T]
    classes: Sequence[str]  # of the sources, N
    labels: Sequence[str]  # of the sources, N: equal ones may change places
    coverage: Coverage = Coverage()


class Metric(Protocol):
    """A metric: all that scoring, tabulating and drawing ask of it."""

    main: ClassVar[str]
    """Column of `schema` with the score in dB that a mixture is judged by."""

    @property
    def schema(self) -> Mapping[str, str]:
        """Columns of a table of score rows and their types, also of one without rows."""

    def best_order(self, estimates: ArrayLike, sources: ArrayLike, *, labels: Sequence[str]) -> list[int]:
        """Which estimate [N, T] stands for each of the sources [N, T]; only equal `labels` change places."""

    def score(self, separated: Separated) -> list[Row]:
        """Rows of one mixture, in its best order: the columns of `schema` but the method."""

    def summarise(self, rows: pd.DataFrame, *, classes: Sequence[str]) -> pd.DataFrame:
        """One row per method, from the score rows of several methods."""

    def format(self, path: Path) -> str:
        """The summary in the CSV file `path` as aligned text."""

    def shorten(self, table: pd.DataFrame) -> pd.DataFrame:
        """The summary as texts in the columns of the documents: mean ± error, and what else fits a line."""

    def cell(self, name: str, value: float | str | None) -> str:
        """A value of the column `name` of the summary as text."""

    def draw(self, rows: pd.DataFrame, *, classes: Sequence[str], path: Path) -> None:
        """Draw how the scores of every method are distributed, and write it to `path` as PNG."""


def score_mixtures(metric: Metric, mixtures: Iterable[Separated], *, method: str) -> pd.DataFrame:
    """Score rows of one method's mixtures, in the columns of the metric's schema."""
    rows = [{"method": method} | row for separated in mixtures for row in metric.score(separated)]
    return pd.DataFrame(rows, columns=list(metric.schema)).astype(dict(metric.schema))


def read_scores(metric: Metric, paths: Iterable[Path]) -> pd.DataFrame:
    """Score rows of all files, in the columns of the metric's schema.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no files, or one that is not a CSV table of this metric's columns.
    """
    schema, tables, alike = metric.schema, [], dict[str, pd.DataFrame]()
    for path in paths:
        table = read_csv(path)
        absent = [name for name in schema if name not in table]
        if absent:
            raise ValueError(f"{path}: lacks the columns {', '.join(absent)}: score the mixtures anew")
        try:
            check_named(table)
            tables.append(table[list(schema)].astype(dict(schema)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}: remove it and score the mixtures anew") from error
        check_alike(path, tables[-1], alike.setdefault(path.name, tables[-1]))
    if not tables:
        raise ValueError("no files of scores are given: score the mixtures first")
    return pd.concat(tables, ignore_index=True)


def check_named(table: pd.DataFrame) -> None:
    """ValueError unless every row names its method and its source, and its mixture by a whole number."""
    for name in ("method", "mixture", "source"):
        if name in table and table[name].isna().any():
            row = int(table[name].isna().to_numpy().argmax()) + 1
            raise ValueError(f"row {row} lacks its {name}")
    numbers = pd.to_numeric(table["mixture"])
    if (odd := table["mixture"][numbers % 1 != 0]).size:
        raise ValueError(f"mixture {odd.iloc[0]} is no whole number")


def check_alike(path: Path, rows: pd.DataFrame, others: pd.DataFrame) -> None:
    """ValueError, naming the file, unless it scores the same mixtures as others of another method do.

    A file that was cut off between two lines looks whole.
    """
    own, theirs = (set(table["mixture"]) for table in (rows, others))
    if own != theirs:
        raise ValueError(
            f"{path}: of the {len(own)} mixtures here and the {len(theirs)} in the same shard of another "
            f"method {sorted(own ^ theirs)[:3]} are in one only: remove both, and score the mixtures anew"
        )
