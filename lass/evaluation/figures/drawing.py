"""Figures as PNG files: the same data give the same bytes, and no display or global state is involved."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.writing import written_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
"""Dots of a PNG file per inch of its figure."""
COLOURS = ("#4d4d4d", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#d55e00")
"""Grey, then the palette of Okabe and Ito, which colour-blind readers can tell apart."""


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of `width` by `height` inches that lays itself out."""
    # It takes most of a second, and jobs that score draw nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # a canvas of its own: neither pyplot's state nor the caller's backend is touched
    return figure


def write_figure(figure: "Figure", *, path: Path) -> None:
    """Write a figure by `new_figure` as PNG, aside and renamed; ValueError where `path` is no .png."""
    if path.suffix != ".png":
        raise ValueError(f"{path}: the figure is a PNG file: give it a name that ends in .png")
    with written_aside(path) as aside:
        figure.canvas.print_figure(aside, format="png", dpi=DPI)
