"""PSNR of images, from estimates to the paper's Tables 2 and 3: rows, one row per method, text and figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.metrics.psnr import best_psnr
from lass.evaluation.tables.files import align_text, cell_text, check_columns, read_csv, records, texts_of
from lass.evaluation.tables.scores import Row, Separated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

SCORES = {"method": "str", "mixture": "int64", "psnr": "float64"}
"""Columns of a table of score rows and their types; `psnr` is `PsnrScores.mean`."""
SUMMARY = ("method", "psnr_mean", "psnr_std", "n", "psnr_se", "psnr_median", "share_solved")
"""Columns of `Psnr.summarise`."""

SOLVED = 20.0
"""PSNR in dB above which a mixture counts as separated: most are either well above it or far below."""


@dataclass(frozen=True)
class Psnr:
    """The peak signal-to-noise ratio: one score per mixture, the mean over its images."""

    schema: ClassVar[Mapping[str, str]] = SCORES
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
    def summarise(rows: pd.DataFrame, *, classes: Sequence[str] = ()) -> pd.DataFrame:  # noqa: ARG004 (as every metric)
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
        scores = _scores_of_methods(rows)
        finite = np.isfinite(scores).all()
        summary = {
            "psnr_mean": scores.mean(),
            "psnr_std": scores.where(finite, axis=1).std(ddof=0),
            "n": len(scores),
            "psnr_se": scores.where(finite, axis=1).sem(),
            "psnr_median": scores.median(),
            "share_solved": (scores > SOLVED).mean(),
        }
        return pd.DataFrame(summary).rename_axis("method").reset_index()

    @staticmethod
    def format(path: Path) -> str:
        """The summary in the CSV file `path`, by `summarise`, as aligned text.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a CSV table with the columns of `summarise`.
        """
        table = read_csv(path)
        absent = [name for name in SUMMARY if name not in table]
        if absent:
            raise ValueError(f"{path}: the columns {', '.join(absent)} are missing: make the table anew")
        return align_text(texts_of(table[list(SUMMARY)], Psnr.cell))

    @staticmethod
    def shorten(table: pd.DataFrame) -> pd.DataFrame:
        """A summary as texts: the PSNR with its standard deviation, as in the paper's tables, and n.

        ValueError where `table` lacks the columns of `summarise`.
        """
        check_columns(table, SUMMARY)
        texts = texts_of(table, Psnr.cell)
        texts["psnr_mean"] += " ± " + texts["psnr_std"]
        return texts[["method", "psnr_mean", "n"]].rename(columns={"psnr_mean": "PSNR"})

    @staticmethod
    def cell(name: str, value: float | str | None) -> str:
        """A value of the column `name` of the summary as text; a dash where there is none."""
        return cell_text(value, percent=1 if name == "share_solved" else None)

    @staticmethod
    def draw(rows: pd.DataFrame, *, path: Path, classes: Sequence[str] = ()) -> None:  # noqa: ARG004 (as every metric)
        """Draw how the scores of each method are distributed over the mixtures: to `path`, as PNG.

        `rows` as for `summarise`. One violin per method, with the quartiles as a bar, the median as a white
        dot and the mean as a black line; a mean says little where mixtures are either separated or not.
        Scores of +inf have no place on the axis: they are counted below the name of the method. The file is
        written aside and renamed; the same rows give the same bytes.

        Raises:
            ValueError: as `summarise`, or `path` does not end in .png.
        """
        scores, summary = _scores_of_methods(rows), Psnr.summarise(rows).set_index("method")
        figure = new_figure(max(5.0, 1.5 + 1.1 * scores.shape[1]), 4.2)
        axes, labels = figure.add_subplot(), []
        for place, method in enumerate(scores):
            values = scores[method].to_numpy()
            _draw_violin(axes, values[np.isfinite(values)], place=place, colour=COLOURS[place % len(COLOURS)])
            mean, std = summary.loc[method, ["psnr_mean", "psnr_std"]]
            exact = int(np.isinf(values).sum())
            labels.append(f"{method}\n" + (f"{exact} exact" if exact else f"{mean:.1f} ± {std:.1f}"))
        axes.axhline(SOLVED, color="black", linewidth=0.8, linestyle="--")
        axes.set_title(f"PSNR over {len(scores)} mixtures; dashed: {SOLVED:g} dB")
        axes.set_ylabel("PSNR (dB)")
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.6, len(labels) - 0.4)
        axes.spines[["top", "right"]].set_visible(False)
        write_figure(figure, path=path)


def _scores_of_methods(rows: pd.DataFrame) -> pd.DataFrame:
    """Scores, one row per mixture in ascending order and one column per method: none is missing."""
    check_columns(rows, SCORES)
    missing = rows["psnr"].isna()
    if missing.any():
        raise ValueError(
            f"{int(missing.sum())} of {len(rows)} scores are missing, the first "
            f"{records(rows[missing])[0]}: every estimate has a PSNR, score the mixtures anew"
        )
    repeated = rows[rows.duplicated(["method", "mixture"])]
    if len(repeated):
        method = repeated["method"].iloc[0]
        numbers = sorted(set(repeated[repeated["method"] == method]["mixture"].tolist()))
        raise ValueError(f"method {method!r} has mixtures {numbers[:3]} repeated: one row for each")
    methods = list(rows["method"].unique())
    scores = rows.pivot(index="mixture", columns="method", values="psnr")[methods]
    scored = scores.notna()
    for method in methods:
        differing = scores.index[scored[method] != scored[methods[0]]].tolist()
        if differing:
            raise ValueError(
                f"method {method!r} has {int(scored[method].sum())} mixtures and {methods[0]!r} "
                f"{int(scored[methods[0]].sum())}, of which {differing[:3]} differ: score every method on the"
                " same mixtures"
            )
    return scores


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
