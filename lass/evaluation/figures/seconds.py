"""Quality against time: one point per row of a table that lists seconds per mixture."""

from pathlib import Path

import numpy as np

from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.tables.files import read_csv


def draw_seconds(table: Path, *, quality: str, path: Path) -> None:
    """Draw the rows of the CSV file `table` that have seconds: to `path`, as PNG.

    `quality` is the metric, whose column is `<metric>_avg` of audio or `<metric>_mean` of images. ValueError
    for a table without such a column, without `seconds`, or without a row that has both.
    """
    rows = read_csv(table)
    of_audio = f"{quality}_avg"
    column = of_audio if of_audio in rows else f"{quality}_mean"
    absent = [name for name in ("seconds", column) if name not in rows]
    if absent:
        raise ValueError(f"{table} has no column {absent[0]}: set `seconds` of the table to true")
    numbers = rows[["seconds", column]].astype("float64")
    shown = rows[np.isfinite(numbers).all(axis=1)]
    if shown.empty:
        raise ValueError(f"{table} has no row with seconds and {column}: name one that is timed")
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    points = zip(shown["method"], shown["seconds"], shown[column], strict=True)
    for place, (name, seconds, value) in enumerate(points):
        axes.plot(seconds, value, "o", color=COLOURS[place % len(COLOURS)])
        axes.annotate(name, (seconds, value), textcoords="offset points", xytext=(5, 3))
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.1)
    axes.set_xlabel("seconds per mixture")
    axes.set_ylabel(f"{quality.upper()} [dB]")
    axes.grid(visible=True, alpha=0.3)
    write_figure(figure, path=path)
