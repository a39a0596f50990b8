"""SDR of audio, from estimates to the paper's Table 5: rows, one row per method, text and figure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.metrics.sdr import SeparationScores, best_order, evaluate_separation
from lass.evaluation.tables.files import align_text, cell_text, check_columns, read_csv, texts_of
from lass.evaluation.tables.scores import Coverage, Row, Separated
from lass.settings import distinct_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

KEYS = ("method", "mixture", "source")
AVERAGED = ("sdr", "sdr_chunk", "si_sdr", "sir", "sar")
"""Metrics in dB that get a column for the average over the classes and one for each class."""
METRICS = (*AVERAGED, "isr")
"""Metrics in dB of a score row."""
COUNTED = ("nan_frames", "uncounted", "positions")
SCORES = {
    "method": "str",
    "mixture": "int64",
    "source": "str",
    **dict.fromkeys(METRICS, "float64"),
    **dict.fromkeys(COUNTED, "Int64"),  # which may be missing
}
"""Columns of a table of score rows and their types."""

GROUP_WIDTH = 0.8
"""Width of the bars of one method together, in units of the distance between methods."""


@dataclass(frozen=True)
class Sdr:
    """BSS-eval's metrics in dB, among them the SDR of the paper: one row per mixture and source."""

    rate: int  # Hz
    window: float = 1.0  # seconds of a frame, and between frames
    schema: ClassVar[Mapping[str, str]] = SCORES
    main: ClassVar[str] = "sdr"

    @staticmethod
    def best_order(estimates: ArrayLike, sources: ArrayLike, *, labels: Sequence[str]) -> list[int]:
        """The order of the highest mean whole-chunk SDR: `lass.evaluation.metrics.sdr.best_order`."""
        return best_order(estimates, sources, labels=labels)

    def score(self, separated: Separated) -> list[Row]:
        """One row per source of the mixture, in the order of its classes, from its best order."""
        order = best_order(separated.estimates, separated.sources, labels=separated.labels)
        scores = evaluate_separation(
            np.asarray(separated.estimates)[order],
            separated.sources,
            rate=self.rate,
            window=self.window,
            hop=self.window,
        )
        return score_rows(
            scores, mixture=separated.mixture, classes=separated.classes, coverage=separated.coverage
        )

    @staticmethod
    def summarise(rows: pd.DataFrame, *, classes: Sequence[str]) -> pd.DataFrame:
        """One row per method, in the order in which the methods first appear, from the rows of several.

        `rows` holds one row per method, mixture and source: `method`, `mixture` (int), `source` (one of
        `classes`, those that repeat numbered), the metrics in dB (`sdr`, `sdr_chunk`, `si_sdr`, `sir`,
        `sar`), `nan_frames` (frames without a score, the same number for each source of a mixture),
        `uncounted` and `positions` (mixture codes that were never counted, of how many; 0 or null for a
        method without codes).

        The result starts with `method, sdr_avg, sdr_<class>..., n` (n mixtures). A class column is the mean
        over mixtures, an `_avg` column the mean of the class columns. Mixtures without a score (NaN or null)
        are left out of the mean of their class; `nan_frames` says how many frames that concerns. `sdr_se` is
        the standard error of `sdr_avg` over the mixtures that have a score for every class, `sdr_se_<class>`
        that of its class. `uncounted` is a share of all positions. What cannot be computed is null.

        Raises:
            ValueError: no rows or classes, a missing column, or a method whose rows are not exactly one per
                mixture and class.
        """
        absent = [name for name in (*KEYS, *AVERAGED, *COUNTED) if name not in rows]
        if absent:
            raise ValueError(f"score rows lack the columns {', '.join(absent)}: score the mixtures anew")
        if len(rows) == 0 or not classes:
            raise ValueError(
                f"no score rows ({len(rows)}) or no classes {list(classes)}: nothing to summarise"
            )
        names = distinct_names(classes)
        grid = _grid(rows, names)
        with np.errstate(invalid="ignore"):  # +inf and -inf have no mean
            columns = _columns_of(grid, names)
        return pd.DataFrame(columns).loc[rows["method"].unique()].reset_index()

    @staticmethod
    def format(path: Path) -> str:
        """The summary in the CSV file `path` as aligned text of the columns that fit on a terminal.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a CSV table with the columns of `summarise`.
        """
        table = read_csv(path)
        classes = class_names(table)
        columns = [
            "method",
            *(f"sdr_{name}" for name in ("avg", *classes)),
            "sdr_se",
            "sdr_chunk_avg",
            "si_sdr_avg",
        ]
        columns += ["sir_avg", "sar_avg", "n", "nan_frames", "uncounted"]
        absent = [name for name in columns if name not in table]
        if absent:
            raise ValueError(f"{path}: the columns {', '.join(absent)} are missing: make the table anew")
        return align_text(texts_of(table[columns], Sdr.cell))

    @staticmethod
    def shorten(table: pd.DataFrame) -> pd.DataFrame:
        """A summary as texts: the SDR with its standard error, that of every class, SI-SDR, SIR and n.

        ValueError where `table` lacks the columns of `summarise`.
        """
        classes = class_names(table)
        texts = texts_of(table, Sdr.cell)
        shown = {"sdr_avg": "SDR avg"} | {f"sdr_{name}": name for name in classes}
        shown |= {"si_sdr_avg": "SI-SDR", "sir_avg": "SIR", "n": "n"}
        check_columns(texts, ["sdr_se", *shown])
        texts["sdr_avg"] += " ± " + texts["sdr_se"]
        return texts[["method", *shown]].rename(columns=shown)

    @staticmethod
    def cell(name: str, value: float | str | None) -> str:
        """A value of the column `name` of the summary as text; a dash where there is none."""
        return cell_text(value, percent=2 if name == "uncounted" else None)

    @staticmethod
    def draw(rows: pd.DataFrame, *, classes: Sequence[str], path: Path) -> None:
        """Draw how the SDR of every method is distributed over the mixtures, and write it to `path` as PNG.

        `rows` as for `summarise`. One group per method; in it a box for the average over the sources of a
        mixture and one per class: the quartiles with the median, whiskers from the 5th to the 95th
        percentile, and the mean as a diamond with its value. Scores that are not finite have no place on the
        axis; the mean is that of the table all the same. The file is written aside and renamed; equal rows
        give equal bytes.

        Raises:
            ValueError: as `summarise`, or `path` does not end in .png.
        """
        from matplotlib.patches import Patch  # noqa: PLC0415 (as in drawing: scores are not drawn)

        table, sources = Sdr.summarise(rows, classes=classes), distinct_names(classes)
        series, methods, grid = ["avg", *sources], table["method"].tolist(), _grid(rows, sources)
        figure = new_figure(max(6.0, 1.5 + 0.42 * len(methods) * len(series)), 4.6)
        axes = figure.add_subplot()
        width = GROUP_WIDTH / len(series)
        for group, method in enumerate(methods):
            own = grid.loc[method, "sdr"]  # a row per mixture, a column per source
            for index, name in enumerate(series):
                _draw_box(
                    axes,
                    values=(own.mean(axis=1, skipna=False) if name == "avg" else own[name]).to_numpy(),
                    mean=table[f"sdr_{name}"].iloc[group],
                    position=group + (index - (len(series) - 1) / 2) * width,
                    width=width,
                    colour=COLOURS[index % len(COLOURS)],
                )
        counts = sorted(set(table["n"].tolist()))
        axes.set_title(
            f"SDR over {' or '.join(map(str, counts))} mixtures: 5, 25, 50, 75, 95 %, and the mean"
        )
        axes.set_ylabel("SDR (dB)")
        axes.set_xticks(range(len(methods)), methods, rotation=20 if len(methods) > 6 else 0)
        axes.set_xlim(-0.6, len(methods) - 0.4)
        axes.axhline(0.0, color="black", linewidth=0.8)
        axes.margins(y=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        names = ["average", *sources]
        patches = [Patch(color=COLOURS[index % len(COLOURS)], label=name) for index, name in enumerate(names)]
        figure.legend(handles=patches, frameon=False, ncols=len(series), loc="outside lower center")
        write_figure(figure, path=path)


def score_rows(
    scores: SeparationScores, *, mixture: int, classes: Sequence[str], coverage: Coverage
) -> list[Row]:
    """One row per source of one scored mixture, in the order of `classes`: what `Sdr.summarise` reads."""
    counts = {"nan_frames": scores.nan_frames, **asdict(coverage)}
    return [
        {"mixture": mixture, "source": name}
        | {metric: float(getattr(scores, metric)[index]) for metric in METRICS}
        | counts
        for index, name in enumerate(distinct_names(classes))
    ]


def class_names(table: pd.DataFrame) -> list[str]:
    """The source classes of a table by `Sdr.summarise`: its columns between `sdr_avg` and `n`.

    Raises:
        ValueError: the table does not start with these columns.
    """
    names = list(table.columns)
    if names[:2] != ["method", "sdr_avg"] or "n" not in names:
        raise ValueError(f"expected the columns method, sdr_avg, sdr_<class>..., n: got {', '.join(names)}")
    return [name.removeprefix("sdr_") for name in names[2 : names.index("n")]]


def _columns_of(grid: pd.DataFrame, names: Sequence[str]) -> "dict[str, pd.Series[Any]]":
    """The columns of the summary, by method."""
    columns: dict[str, pd.Series[Any]] = {}
    for metric in AVERAGED:
        means = grid[metric].groupby("method").mean()
        columns[f"{metric}_avg"] = means.mean(axis=1, skipna=False)
        columns |= {f"{metric}_{name}": means[name] for name in names}
        if metric == "sdr":
            average = grid["sdr"].mean(axis=1, skipna=False).groupby("method")
            columns |= {"n": average.size(), "sdr_se": average.sem()}
            errors = grid["sdr"].groupby("method").sem()
            columns |= {f"sdr_se_{name}": errors[name] for name in names}
    frames = grid["nan_frames"].max(axis=1).fillna(0)  # the same for all sources
    columns["nan_frames"] = frames.groupby("method").sum().astype("int64")
    uncounted, positions = (
        grid[name].sum(axis=1).groupby("method").sum() for name in ("uncounted", "positions")
    )
    columns["uncounted"] = uncounted / positions.where(positions > 0)
    return columns


def _grid(rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """The score rows: one row per method and mixture, one column per metric and source."""
    for method, own in rows.groupby("method", sort=False):
        found = list(zip(own["mixture"].tolist(), own["source"].tolist(), strict=True))
        wanted = {(mixture, name) for mixture, _ in found for name in classes}
        faulty = sorted(wanted.symmetric_difference(found), key=str)
        if faulty or len(set(found)) != len(found):
            raise ValueError(
                f"method {method!r} needs one row for each mixture and each class of {list(classes)}: it has "
                f"{len(found)} rows for {own['mixture'].nunique()} mixtures; (mixture, source) "
                f"{faulty[:3] or 'repeated'}"
            )
    values = rows.astype(dict.fromkeys((*AVERAGED, *COUNTED), "float64"))
    grid = values.pivot(index=["method", "mixture"], columns="source", values=[*AVERAGED, *COUNTED])
    return grid[list(product([*AVERAGED, *COUNTED], classes))]


def _draw_box(
    axes: "Axes", *, values: FloatArray, mean: float, position: float, width: float, colour: str
) -> None:
    """A box of the values that are finite, and the mean; its value alone where that is not finite."""
    finite = values[np.isfinite(values)]
    if finite.size:
        axes.boxplot(
            [finite],
            positions=[position],
            widths=0.85 * width,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": colour, "linewidth": 0.6},
            medianprops={"color": "white", "linewidth": 1.2},
            whiskerprops={"linewidth": 0.8},
            capprops={"linewidth": 0.8},
        )
    place = mean if np.isfinite(mean) else 0.0
    if np.isfinite(mean):
        axes.plot(position, mean, marker="D", markersize=2.5, color="black", linestyle="none", zorder=5)
    top = float(np.percentile(finite, 95)) if finite.size else place
    axes.annotate(
        "-" if np.isnan(mean) else f"{mean:z.1f}",
        (position, max(top, place)),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7,
    )
