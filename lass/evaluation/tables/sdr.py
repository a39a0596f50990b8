"""SDR of audio, from estimates to the paper's Table 5: rows, one row per method, text and figure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.metrics.sdr import SeparationScores, best_order, evaluate_separation
from lass.evaluation.tables.files import align_text, cell_text, floats, read_csv, standard_error
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
SCORES = pa.schema(
    {"method": pa.string(), "mixture": pa.int64(), "source": pa.string()}
    | dict.fromkeys(METRICS, pa.float64())
    | dict.fromkeys(COUNTED, pa.int64())
)
"""Columns of a table of score rows, also of one without rows."""

GROUP_WIDTH = 0.8
"""Width of the bars of one method together, in units of the distance between methods."""


@dataclass(frozen=True)
class Sdr:
    """BSS-eval's metrics in dB, among them the SDR of the paper: one row per mixture and source."""

    rate: int  # Hz
    window: float = 1.0  # seconds of a frame, and between frames
    schema: ClassVar[pa.Schema] = SCORES
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
    def summarise(rows: pa.Table, *, classes: Sequence[str]) -> pa.Table:
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
        absent = [name for name in (*KEYS, *AVERAGED, *COUNTED) if name not in rows.column_names]
        if absent:
            raise ValueError(f"score rows lack the columns {', '.join(absent)}: score the mixtures anew")
        if rows.num_rows == 0 or not classes:
            raise ValueError(
                f"no score rows ({rows.num_rows}) or no classes {list(classes)}: nothing to summarise"
            )
        names = distinct_names(classes)
        methods = pc.unique(rows["method"]).to_pylist()
        with np.errstate(invalid="ignore"):  # +inf and -inf have no mean
            summaries = [
                {"method": method, **_summarise(rows.filter(pc.field("method") == method), method, names)}
                for method in methods
            ]
        return pa.table(
            {name: pa.array([row[name] for row in summaries], from_pandas=True) for name in summaries[0]}
        )

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
        absent = [name for name in columns if name not in table.column_names]
        if absent:
            raise ValueError(f"{path}: the columns {', '.join(absent)} are missing: make the table anew")
        cells = [columns, *([Sdr.cell(name, row[name]) for name in columns] for row in table.to_pylist())]
        return align_text(cells)

    @staticmethod
    def cell(name: str, value: float | str | None) -> str:
        """A value of the column `name` of the summary as text; a dash where there is none."""
        return cell_text(value, percent=2 if name == "uncounted" else None)

    @staticmethod
    def draw(rows: pa.Table, *, classes: Sequence[str], path: Path) -> None:
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
        series, methods = ["avg", *sources], table["method"].to_pylist()
        figure = new_figure(max(6.0, 1.5 + 0.42 * len(methods) * len(series)), 4.6)
        axes = figure.add_subplot()
        width = GROUP_WIDTH / len(series)
        for group, method in enumerate(methods):
            own = rows.filter(pc.field("method") == method)
            grid = floats(own, "sdr")[_order(own, method, sources)]  # [mixtures, N]
            for index, name in enumerate(series):
                _draw_box(
                    axes,
                    values=grid.mean(axis=1) if name == "avg" else grid[:, index - 1],
                    mean=floats(table, f"sdr_{name}")[group],
                    position=group + (index - (len(series) - 1) / 2) * width,
                    width=width,
                    colour=COLOURS[index % len(COLOURS)],
                )
        counts = sorted(set(table["n"].to_pylist()))
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


def class_names(table: pa.Table) -> list[str]:
    """The source classes of a table by `Sdr.summarise`: its columns between `sdr_avg` and `n`.

    Raises:
        ValueError: the table does not start with these columns.
    """
    names = table.column_names
    if names[:2] != ["method", "sdr_avg"] or "n" not in names:
        raise ValueError(f"expected the columns method, sdr_avg, sdr_<class>..., n: got {', '.join(names)}")
    return [name.removeprefix("sdr_") for name in names[2 : names.index("n")]]


def _summarise(rows: pa.Table, method: str, classes: Sequence[str]) -> dict[str, float]:
    order = _order(rows, method, classes)  # [mixtures, N]
    grids = {name: floats(rows, name)[order] for name in (*AVERAGED, *COUNTED)}  # [mixtures, N] each
    summary: dict[str, float] = {}
    for metric in AVERAGED:
        means = [_mean(column) for column in grids[metric].T]
        summary[f"{metric}_avg"] = float(np.mean(means))
        summary |= {f"{metric}_{name}": mean for name, mean in zip(classes, means, strict=True)}
        if metric == "sdr":
            summary["n"] = len(order)
            summary["sdr_se"] = standard_error(grids["sdr"].mean(axis=1))
            errors = [standard_error(column) for column in grids["sdr"].T]
            summary |= {f"sdr_se_{name}": error for name, error in zip(classes, errors, strict=True)}
    summary["nan_frames"] = int(np.nan_to_num(grids["nan_frames"]).max(axis=1).sum())
    positions = float(np.nansum(grids["positions"]))
    summary["uncounted"] = float(np.nansum(grids["uncounted"])) / positions if positions else np.nan
    return summary


def _order(rows: pa.Table, method: str, classes: Sequence[str]) -> NDArray[np.intp]:
    """Row numbers [mixtures, N], mixtures in ascending order and sources in the order of `classes`."""
    places = {(row["mixture"], row["source"]): i for i, row in enumerate(rows.select(KEYS).to_pylist())}
    mixtures = sorted({mixture for mixture, _ in places})
    wanted = [(mixture, name) for mixture in mixtures for name in classes]
    faulty = sorted(set(wanted).symmetric_difference(places), key=str)
    if faulty or len(places) != rows.num_rows:
        raise ValueError(
            f"method {method!r} needs one row for each mixture and each class of {list(classes)}: it has "
            f"{rows.num_rows} rows for {len(mixtures)} mixtures; (mixture, source) {faulty[:3] or 'repeated'}"
        )
    return np.array([places[key] for key in wanted], dtype=np.intp).reshape(len(mixtures), len(classes))


def _mean(values: FloatArray) -> float:
    """Mean of what is not NaN; NaN where nothing is left or +inf meets -inf."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else float("nan")


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
