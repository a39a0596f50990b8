"""Quality against time: one numbered point per row of a table that lists seconds per mixture."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.tables.files import read_csv

FAR = 10
"""dB below the median of a table: a row further down is not to scale, unless the best is as far above."""


def draw_seconds(table: Path, *, quality: str, path: Path) -> None:
    """Draw the rows of the CSV file `table` that have seconds: to `path`, as PNG.

    The rows are numbered in their order, and a line joins those that no faster row equals. A row that is
    further below the median than `FAR` and than the best is above it stands at the lower edge, with its
    quality in the list.

    `quality` is the metric, whose column is `<metric>_avg` of audio or `<metric>_mean` of images. ValueError
    for a table without such a column, without `seconds`, or without a row that has both.
    """
    names, seconds, values = read_timed(table, quality=quality)
    middle = np.median(values)
    floor = middle - max(FAR, values.max() - middle)
    front = best_for_their_time(seconds, values)

    figure = new_figure(9.0, max(4.5, 1.0 + 0.17 * len(names)))
    axes = figure.add_subplot()
    axes.step(
        seconds[front],
        np.maximum(values, floor)[front],
        where="post",
        color="0.6",
        label="no faster row is as good",
    )
    for place, (name, second, value) in enumerate(zip(names, seconds, values, strict=True)):
        beyond = value < floor - 1e-9  # of two rows the floor is the worse one itself
        told = f"{place + 1}  {name}" + (f": {value:.1f} dB" if beyond else "")
        height, marker, size = (floor, "v", 18) if beyond else (value, "o", 13)
        style: dict[str, Any] = {
            "marker": marker,
            "color": COLOURS[place % len(COLOURS)],
            "edgecolors": "white",
        }
        axes.scatter(second, height, s=size**2, label=told, zorder=2, **style)
        number: dict[str, Any] = {"ha": "center", "va": "center", "color": "white", "fontsize": 7}
        shift = (0, 2 if beyond else 0)
        axes.annotate(str(place + 1), (second, height), shift, textcoords="offset points", **number)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}" if seconds.max() < 10 * seconds.min() else "")
    axes.margins(x=0.1, y=0.1)
    axes.set_xlabel("seconds per mixture")
    axes.set_ylabel(f"{quality.upper()} [dB]")
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, markerscale=0.5)
    write_figure(figure, path=path)


def read_timed(table: Path, *, quality: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Names, seconds and quality of the rows of a table that have both; errors as of `draw_seconds`."""
    rows = read_csv(table)
    of_audio = f"{quality}_avg"
    column = of_audio if of_audio in rows else f"{quality}_mean"
    absent = [name for name in ("seconds", column) if name not in rows]
    if absent:
        raise ValueError(f"{table} has no column {absent[0]}: set `seconds` of the table to true")
    numbers = rows[["seconds", column]].astype("float64")
    finite = np.isfinite(numbers).all(axis=1)
    if not finite.any():
        raise ValueError(f"{table} has no row with seconds and {column}: name one that is timed")
    seconds, values = (numbers[finite][name].to_numpy() for name in ("seconds", column))
    return rows["method"][finite].tolist(), seconds, values


def best_for_their_time(seconds: NDArray[np.float64], values: NDArray[np.float64]) -> list[int]:
    """Places of the rows whose value is above that of every row of as few or fewer seconds, fastest first."""
    order = np.lexsort((-values, seconds))
    highest = np.maximum.accumulate(values[order])
    better = np.concatenate([[True], highest[1:] > highest[:-1]])
    return [int(place) for place in order[better]]
