"""PSNR rows to the paper's Tables 2 and 3, seconds to its Table 4, and the figures of separated images."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from lass.evaluation.figures.drawing import COLOURS, DPI, new_figure, write_figure
from lass.evaluation.tables.files import align_text, floats, read_csv, standard_error

FloatArray = NDArray[np.float64]

SCORES = pa.schema({"method": pa.string(), "mixture": pa.int64(), "psnr": pa.float64()})
"""Columns of a table of score rows, also of one without rows; `psnr` is `PsnrScores.mean`."""
SECONDS = pa.schema(
    {
        "dataset": pa.string(),
        "method": pa.string(),
        "device": pa.string(),
        "seconds": pa.float64(),  # per mixture
        "mixtures": pa.int64(),  # separated together, in one batch
    }
)
"""Columns of a table of timed batches."""
SUMMARY = ("method", "psnr_mean", "psnr_std", "n", "psnr_se", "psnr_median", "share_solved")
"""Columns of `summarise_psnr`."""

SOLVED = 20.0
"""PSNR in dB above which a mixture counts as separated: most are either well above it or far below."""
IMAGE_DOTS = 84
"""Size that an image has about in a figure of separations, in dots of the PNG file."""
PADDING = 2
"""Pixels of white right of and below each image of such a figure."""
GAP = 0.06
"""Inches of white between the rows of two methods."""


def summarise_psnr(rows: pa.Table) -> pa.Table:
    """One row per method, in the order in which the methods first appear, from one score per mixture.

    `rows` has the columns of `SCORES`. The result has `method, psnr_mean, psnr_std, n` (n mixtures), as the
    paper's tables, then `psnr_se`, `psnr_median` and `share_solved`, the share of mixtures above 20 dB.
    `psnr_std` is the deviation of these n mixtures themselves (divisor n, not n - 1); `psnr_se` is the
    standard error of the mean (divisor n - 1), null for one mixture. Where an estimate equals its source to
    the last bit, its score and the mean are +inf; `psnr_std` and `psnr_se` are null then, while the median
    and the share stay usable.

    Raises:
        ValueError: no rows, a missing column, a score that is null or NaN, a mixture that a method has twice,
            or methods that were scored on different mixtures: their means could not be compared.
    """
    groups = _scores_of_methods(rows)
    summaries = [{"method": method, **_summarise(values)} for method, values in groups.items()]
    return pa.table({name: pa.array([row[name] for row in summaries], from_pandas=True) for name in SUMMARY})


def summarise_seconds(rows: pa.Table) -> pa.Table:
    """Columns `dataset, method, seconds_mean, seconds_std, n, device` from timed batches of mixtures.

    `rows` has the columns of `SECONDS`: seconds per mixture of one batch, and how many mixtures it held.
    There is one row per dataset, method and device, in order of first appearance: devices are never averaged.
    Each of the n mixtures counts with the mean of its batch. `seconds_std` (divisor n) is therefore the
    deviation between batches, and null where there is only one batch.

    Raises:
        ValueError: no rows, a missing column, seconds that are not positive and finite, or an empty batch.
    """
    _check_columns(rows, SECONDS)
    seconds, mixtures = floats(rows, "seconds"), floats(rows, "mixtures")
    faulty = ~((seconds > 0) & np.isfinite(seconds) & (mixtures >= 1))  # NaN and null are faulty too
    if faulty.any():
        raise ValueError(
            f"{int(faulty.sum())} of {len(faulty)} timed batches are unfit, the first {_row(rows, faulty)}: "
            "give seconds > 0 and mixtures >= 1, time the batches anew"
        )
    keys = [tuple(row.values()) for row in rows.select(["dataset", "method", "device"]).to_pylist()]
    summaries = []
    for key in dict.fromkeys(keys):
        mine = np.array([other == key for other in keys])
        mean = float(np.average(seconds[mine], weights=mixtures[mine]))
        variance = float(np.average((seconds[mine] - mean) ** 2, weights=mixtures[mine]))
        summaries.append(
            {
                "dataset": key[0],
                "method": key[1],
                "seconds_mean": mean,
                "seconds_std": float(np.sqrt(variance)) if mine.sum() > 1 else None,
                "n": int(mixtures[mine].sum()),
                "device": key[2],
            }
        )
    return pa.table({name: pa.array([row[name] for row in summaries]) for name in summaries[0]})


def format_psnr(path: Path) -> str:
    """The summary in the CSV file `path`, by `summarise_psnr`, as aligned text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a CSV table with the columns of `summarise_psnr`.
    """
    table = read_csv(path)
    absent = [name for name in SUMMARY if name not in table.column_names]
    if absent:
        raise ValueError(f"{path}: the columns {', '.join(absent)} are missing: make the table anew")
    rows = ([_cell(name, row[name]) for name in SUMMARY] for row in table.to_pylist())
    return align_text([SUMMARY, *rows])


def draw_psnr(rows: pa.Table, *, path: Path) -> None:
    """Draw how the scores of each method are distributed over the mixtures, and write it to `path` as PNG.

    `rows` as for `summarise_psnr`. One violin per method, with the quartiles as a bar, the median as a white
    dot and the mean as a black line; a mean says little where mixtures are either separated or not. Scores of
    +inf have no place on the axis: they are counted below the name of the method. The file is written aside
    and renamed; the same rows give the same bytes.

    Raises:
        ValueError: as `summarise_psnr`, or `path` does not end in .png.
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


def draw_separations(
    mixtures: ArrayLike,
    sources: ArrayLike,
    estimates: Mapping[str, ArrayLike],
    *,
    image: tuple[int, int, int],
    path: Path,
) -> None:
    """Draw separations side by side, as the paper's Figure 3, and write them to `path` as PNG.

    One column per mixture; from above: the mixtures [M, T], their true sources [M, N, T], and each method's
    estimates [M, N, T] under its name, in the order given. Pixels are clamped to [0, 1], black to white for
    `image = (1, rows, columns)` and red, green, blue for (3, rows, columns); T is their product.

    Raises:
        ValueError: shapes that do not fit each other or `image`, NaN, or a `path` that does not end in .png.
    """
    true = np.asarray(sources)
    _, count, _ = true.shape if true.ndim == 3 else (0, 0, 0)
    blocks = {
        "mixture": _blocks(np.asarray(mixtures)[..., None, :], len(true), 1, image, "mixtures"),
        "sources": _blocks(true, len(true), count, image, "sources"),
    } | {
        name: _blocks(np.asarray(images), len(true), count, image, f"estimates of {name!r}")
        for name, images in estimates.items()
    }
    dots = max(1, round(IMAGE_DOTS / max(image[1:])))  # per pixel, a whole number: all pixels of one size
    size = np.array([block.shape[:2] for block in blocks.values()]) * dots / DPI  # [blocks, 2] inches
    margin = 0.2 + 0.08 * max(map(len, blocks))  # for the names
    width, height = margin + size[0, 1], size[:, 0].sum() + GAP * (len(blocks) - 1)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # a dot of the file is a dot of an image
    bottoms = height - np.cumsum(size[:, 0]) - GAP * np.arange(len(blocks))
    for (name, block), bottom, (high, wide) in zip(blocks.items(), bottoms, size, strict=True):
        axes = figure.add_axes((margin / width, bottom / height, wide / width, high / height))
        axes.imshow(block, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        middle = (bottom + high / 2) / height
        figure.text((margin - 0.1) / width, middle, name, ha="right", va="center", fontsize=8)
    write_figure(figure, path=path)


def _check_columns(rows: pa.Table, schema: pa.Schema) -> None:
    absent = [name for name in schema.names if name not in rows.column_names]
    if absent:
        raise ValueError(f"rows lack the columns {', '.join(absent)}: make them anew")
    if rows.num_rows == 0:
        raise ValueError("no rows: nothing to summarise")


def _row(rows: pa.Table, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """The first chosen row."""
    row: dict[str, Any] = rows.slice(int(np.argmax(chosen)), 1).to_pylist()[0]
    return row


def _scores_of_methods(rows: pa.Table) -> dict[str, FloatArray]:
    """Scores [mixtures] of each method, mixtures in ascending order, the same ones for every method."""
    _check_columns(rows, SCORES)
    missing = np.isnan(floats(rows, "psnr"))
    if missing.any():
        raise ValueError(
            f"{int(missing.sum())} of {rows.num_rows} scores are missing, the first {_row(rows, missing)}: "
            "every estimate has a PSNR, score the mixtures anew"
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


def _draw_violin(axes: Axes, values: FloatArray, *, place: int, colour: str) -> None:
    """One violin at `place` with quartiles, median and mean; nothing for no values."""
    if not values.size:
        return
    bodies: Any = axes.violinplot(values, positions=[place], widths=0.85, showextrema=False)["bodies"]
    bodies[0].set(facecolor=colour, edgecolor="none", alpha=0.5)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.vlines(place, low, high, color=colour, linewidth=5)
    axes.hlines(values.mean(), place - 0.2, place + 0.2, color="black", linewidth=1.2)
    axes.plot(place, middle, marker="o", markersize=4, color="white", markeredgecolor=colour)


def _blocks(
    images: NDArray[Any], mixtures: int, rows: int, image: tuple[int, int, int], name: str
) -> FloatArray:
    """Images [M, rows, T] as one picture [height, width, 3]: M columns, white between the images."""
    colours, height, width = image
    if colours not in (1, 3):
        raise ValueError(f"image {image}: a figure has 1 or 3 colours, not {colours}")
    if images.shape != (mixtures, rows, colours * height * width) or images.size == 0:
        raise ValueError(
            f"{name} are {images.shape}, expected {(mixtures, rows, colours * height * width)} for "
            f"{mixtures} mixtures of {rows} images {image}: give all in flat rows of the same mixtures"
        )
    if np.isnan(images).any():
        raise ValueError(f"{name} hold NaN pixels: repair the method, then draw it")
    tiles = np.ones((rows, height + PADDING, mixtures, width + PADDING, 3))
    pixels = images.reshape(mixtures, rows, colours, height, width).clip(0.0, 1.0)
    tiles[:, :height, :, :width] = pixels.transpose(1, 3, 0, 4, 2)  # grey spreads over the three colours
    return tiles.reshape(rows * (height + PADDING), mixtures * (width + PADDING), 3)


def _cell(name: str, value: float | str | None) -> str:
    if value is None:
        return "-"
    if name == "share_solved":
        return f"{100 * float(value):.1f}%"
    return f"{value:z.2f}" if isinstance(value, float) else str(value)
