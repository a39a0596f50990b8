"""PSNR of images, from estimates to the paper's Tables 2 and 3: rows, one row per method, text and figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.metrics.psnr import best_psnr
from lass.evaluation.tables.files import (
    align_text,
    cell_text,
    check_columns,
    first_row,
    floats,
    read_csv,
    standard_error,
)
from lass.evaluation.tables.scores import Row, Separated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

SCORES = pa.schema({"method": pa.string(), "mixture": pa.int64(), "psnr": pa.float64()})
"""Columns of a table of score rows, also of one without rows; `psnr` is `PsnrScores.mean`."""
SUMMARY = ("method", "psnr_mean", "psnr_std", "n", "psnr_se", "psnr_median", "share_solved")
"""Columns of `Psnr.summarise`."""

SOLVED = 20.0
"""PSNR in dB above which a mixture counts as separated: most are either well above it or far below."""


@dataclass(frozen=True)
class Psnr:
    """The peak signal-to-noise ratio: one score per mixture, the mean over its images."""

    schema: ClassVar[pa.Schema] = SCORES
    main: ClassVar[str] = "psnr"

    @staticmethod
    def best_order(estimates: ArrayLike, sources: ArrayLike, *, labels: Sequence[str]) -> list[int]:
        """The order of the highest mean PSNR: as `lass.evaluation.metrics.psnr.best_psnr`."""
        return best_psnr(estimates, sources, labels=labels).order

    @staticmethod
    def score(separated: Separated) -> list[Row]:
        """One row: the PSNR of the mixture in dB, the mean over its images in their best order."""
        scores = best_psnr(separated.estimates, separated.sources, labels=separated.labels)
        return [{"mixture": separated.mixture, "psnr": scores.mean}]

    @staticmethod
    def summarise(rows: pa.Table, *, classes: Sequence[str] = ()) -> pa.Table:  # noqa: ARG004 (as every metric)
        """One row per method, in the order in which the methods first appear, from one score per mixture.

        `rows` has the columns of the schema; `classes` play no part. The result has `method, psnr_mean,
        psnr_std, n` (n mixtures), as the paper's tables, then `psnr_se`, `psnr_median` and `share_solved`,
        the share of mixtures above 20 dB. `psnr_std` is the deviation of these n mixtures themselves (divisor
        n, not n - 1); `psnr_se` is the standard error of the mean (divisor n - 1), null for one mixture.
        Where an estimate equals its source to the last bit, its score and the mean are +inf; `psnr_std` and
        `psnr_se` are null then, while the median and the share stay usable.

        Raises:
            ValueError: no rows, a missing column, a score that is null or NaN, a mixture that a method has
                twice, or methods that were scored on different mixtures: their means could not be compared.
        """
        groups = _scores_of_methods(rows)
        summaries = [{"method": method, **_summarise(values)} for method, values in groups.items()]
        return pa.table(
            {name: pa.array([row[name] for row in summaries], from_pandas=True) for name in SUMMARY}
        )

    @staticmethod
    def format(path: Path) -> str:
        """The summary in the CSV file `path`, by `summarise`, as aligned text.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a CSV table with the columns of `summarise`.
        """
        table = read_csv(path)
        absent = [name for name in SUMMARY if name not in table.column_names]
        if absent:
            raise ValueError(f"{path}: the columns {', '.join(absent)} are missing: make the table anew")
        rows = ([Psnr.cell(name, row[name]) for name in SUMMARY] for row in table.to_pylist())
        return align_text([SUMMARY, *rows])

    @staticmethod
    def cell(name: str, value: float | str | None) -> str:
        """A value of the column `name` of the summary as text; a dash where there is none."""
        return cell_text(value, percent=1 if name == "share_solved" else None)

    @staticmethod
    def draw(rows: pa.Table, *, path: Path, classes: Sequence[str] = ()) -> None:  # noqa: ARG004 (as every metric)
        """Draw how the scores of each method are distributed over the mixtures: to `path`, as PNG.

        `rows` as for `summarise`. One violin per method, with the quartiles as a bar, the median as a white
        dot and the mean as a black line; a mean says little where mixtures are either separated or not.
        Scores of +inf have no place on the axis: they are counted below the name of the method. The file is
        written aside and renamed; the same rows give the same bytes.

        Raises:
            ValueError: as `summarise`, or `path` does not end in .png.
        """
        groups = _scores_of_methods(rows)
        figure = new_figure(max(5.0, 1.5 + 1.1 * len(groups)), 4.2)
        axes = figure.add_subplot()
        for place, values in enumerate(groups.values()):
            _draw_violin(axes, values[np.isfinite(values)], place=place, colour=COLOURS[place % len(COLOURS)])
        labels = []
        for method, values in groups.items():
            mean, std = (_summarise(values)[name] for name in ("psnr_mean", "psnr_std"))
            exact = int(np.isinf(values).sum())
            labels.append(f"{method}\n" + (f"{exact} exact" if exact else f"{mean:.1f} ± {std:.1f}"))
        axes.axhline(SOLVED, color="black", linewidth=0.8, linestyle="--")
        axes.set_title(f"PSNR over {len(next(iter(groups.values())))} mixtures; dashed: {SOLVED:g} dB")
        axes.set_ylabel("PSNR (dB)")
        axes.set_xticks(range(len(groups)), labels)
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.spines[["top", "right"]].set_visible(False)
        write_figure(figure, path=path)


def _scores_of_methods(rows: pa.Table) -> dict[str, FloatArray]:
    """Scores [mixtures] of each method, mixtures in ascending order, the same ones for every method."""
    check_columns(rows, SCORES)
    missing = np.isnan(floats(rows, "psnr"))
    if missing.any():
        raise ValueError(
            f"{int(missing.sum())} of {rows.num_rows} scores are missing, the first "
            f"{first_row(rows, missing)}: every estimate has a PSNR, score the mixtures anew"
        )
    groups: dict[str, FloatArray] = {}
    mixtures: list[int] = []
    for method in pc.unique(rows["method"]).to_pylist():
        mine = rows.filter(pc.field("method") == method).sort_by("mixture")
        found = mine["mixture"].to_pylist()
        repeated = sorted({number for number, after in pairwise(found) if number == after})
        if repeated:
            raise ValueError(f"method {method!r} has mixtures {repeated[:3]} repeated: one row for each")
        mixtures = mixtures if groups else found
        differing = sorted(set(found).symmetric_difference(mixtures))
        if differing:
            raise ValueError(
                f"method {method!r} has {len(found)} mixtures and {next(iter(groups))!r} {len(mixtures)}, "
                f"of which {differing[:3]} differ: score every method on the same mixtures"
            )
        groups[method] = floats(mine, "psnr")
    return groups


def _summarise(values: FloatArray) -> dict[str, float]:
    finite = bool(np.isfinite(values).all())
    return {
        "psnr_mean": float(values.mean()),
        "psnr_std": float(values.std()) if finite else float("nan"),
        "n": len(values),
        "psnr_se": standard_error(values),
        "psnr_median": float(np.median(values)),
        "share_solved": float(np.mean(values > SOLVED)),
    }


def _draw_violin(axes: "Axes", values: FloatArray, *, place: int, colour: str) -> None:
    """One violin at `place` with quartiles, median and mean; nothing for no values."""
    if not values.size:
        return
    bodies: Any = axes.violinplot(values, positions=[place], widths=0.85, showextrema=False)["bodies"]
    bodies[0].set(facecolor=colour, edgecolor="none", alpha=0.5)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.vlines(place, low, high, color=colour, linewidth=5)
    axes.hlines(values.mean(), place - 0.2, place + 0.2, color="black", linewidth=1.2)
    axes.plot(place, middle, marker="o", markersize=4, color="white", markeredgecolor=colour)
