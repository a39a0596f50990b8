"""Mixtures of images: which images are mixed, chosen once and kept as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lass.data.images.library import ImageLibrary
from lass.storage import written_aside

SCHEMA = pa.schema(
    {
        "mixture": pa.int32(),  # index within the split
        "images": pa.list_(pa.int64()),  # rows of the split, N
        "sources": pa.list_(pa.string()),  # class names, N
        "weights": pa.list_(pa.float64()),  # alpha, N
    },
    metadata={"format": "lass-image-mixtures", "version": "1"},
)


@dataclass(frozen=True, eq=False)
class ImageMixtures:
    """Rows of the table, with their images."""

    items: list[int]  # numbers of the mixtures, B
    sources: np.ndarray  # x_n [B, N, T] float32
    mixtures: np.ndarray  # y [B, T] float32
    labels: np.ndarray  # [B, N] int64, classes of the sources


def mix_images(sources: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`sum_n alpha_n x_n`: sources [B, N, T], weights [N] or [B, N] -> [B, T] float32.

    The addends are added in order, so that a mixture has the same bytes alone and among others.
    """
    alphas = np.broadcast_to(np.asarray(weights, dtype=np.float32), sources.shape[:2])
    mixed = np.zeros((len(sources), sources.shape[2]), dtype=np.float32)
    for n in range(sources.shape[1]):
        mixed += alphas[:, n, None] * sources[:, n]
    return mixed


def distinct_rows(rng: np.random.Generator, *, images: int, count: int, sources: int) -> np.ndarray:
    """`count` random tuples [count, sources] of different rows of `images`, all tuples as likely."""
    _check_enough(images, sources)
    rows = np.empty((count, sources), dtype=np.int64)
    for n in range(sources):
        chosen = rng.integers(images - n, size=count)  # among those that are left, counted from 0
        for taken in np.sort(rows[:, :n], axis=1).T:
            chosen += chosen >= taken
        rows[:, n] = chosen
    return rows


def draw_image_mixtures(
    labels: np.ndarray,
    *,
    classes: Sequence[str],
    count: int,
    sources: int,
    weights: Sequence[float],
    seed: int,
) -> pa.Table:
    """Choose `count` mixtures of `sources` images out of a split with the `labels` [n].

    Random permutations of all images, one after the other, are cut into tuples. No image is mixed with
    itself, none is used twice more than another, and a longer table begins with the mixtures of a shorter.
    Raises ValueError where the split has fewer images than a mixture, or the arguments do not fit together.
    """
    _check_enough(len(labels), sources)
    if count < 1 or len(weights) != sources:
        raise ValueError(
            f"{count} mixtures of {sources} images with weights {list(weights)}: give at least 1 mixture, "
            "and one weight per image"
        )
    if not 0 <= np.min(labels) <= np.max(labels) < len(classes):
        raise ValueError(
            f"labels from {np.min(labels)} to {np.max(labels)} do not fit {len(classes)} classes: "
            f"give 0 to {len(classes) - 1}"
        )
    rows = _permuted_rows(len(labels), count=count, sources=sources, seed=seed)
    names = pa.array(classes, type=pa.string()).take(pa.array(np.asarray(labels)[rows].ravel()))
    alphas = pa.array(np.tile(np.asarray(weights, dtype=np.float64), count))
    offsets = pa.array(np.arange(0, rows.size + 1, sources, dtype=np.int32))
    columns = [pa.array(np.arange(count, dtype=np.int32))]
    columns += [pa.ListArray.from_arrays(offsets, part) for part in (pa.array(rows.ravel()), names, alphas)]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def write_image_mixtures(path: Path, table: pa.Table) -> None:
    """Write the table aside and rename it."""
    with written_aside(path) as aside:
        pq.write_table(table, aside)


def read_image_mixtures(path: Path) -> pa.Table:
    """The table at `path`; ValueError where it is none of ours."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such table of image mixtures; run the rule that makes it")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{path}: truncated or not a Parquet file ({error}); delete it and make it again"
        ) from error
    if table.schema.metadata != SCHEMA.metadata or not table.schema.equals(SCHEMA):
        raise ValueError(
            f"{path}: columns {table.column_names} are no table of image mixtures of version 1; make it again"
        )
    return table


def load_images(library: ImageLibrary, table: pa.Table, rows: Sequence[int]) -> ImageMixtures:
    """Images of the rows `rows` of a table; ValueError where the table is that of another library."""
    chosen = table.take(pa.array(rows, type=pa.int64()))
    images = np.array(chosen["images"].to_pylist(), dtype=np.int64)  # [B, N]
    if not images.size:
        raise ValueError("no rows of a table of image mixtures are asked for: give at least one")
    if not 0 <= images.min() <= images.max() < len(library):
        raise ValueError(
            f"the mixtures name images {images.min()} to {images.max()}, but the split has {len(library)}: "
            "draw the mixtures again"
        )
    labels = library.labels[images]
    names = np.array(library.classes, dtype=object)[labels]
    stated = np.array(chosen["sources"].to_pylist(), dtype=object)
    if (names != stated).any():
        row, n = np.argwhere(names != stated)[0]
        raise ValueError(
            f"image {images[row, n]} is of class {names[row, n]!r}, but the mixtures say {stated[row, n]!r}: "
            "draw the mixtures again"
        )
    sources = library.read(images.ravel()).reshape(*images.shape, -1)
    mixtures = mix_images(sources, np.array(chosen["weights"].to_pylist()))
    return ImageMixtures(chosen["mixture"].to_pylist(), sources, mixtures, labels)


def _permuted_rows(images: int, *, count: int, sources: int, seed: int) -> np.ndarray:
    """Rows [count, sources]: permutations of `images` one after the other, cut into tuples.

    What a permutation leaves over begins a tuple that the next one completes; so the images left over are put
    behind the first ones of the next permutation, lest one of them meets itself.
    """
    parts: list[np.ndarray] = []
    for number in range(-(-count * sources // images)):
        order = np.random.default_rng((seed, number)).permutation(images)
        left = number * images % sources
        if left:
            clear = order[~np.isin(order, parts[-1][-left:])][: sources - left]
            order = np.concatenate([clear, order[~np.isin(order, clear)]])
        parts.append(order)
    return np.concatenate(parts)[: count * sources].reshape(count, sources)


def _check_enough(images: int, sources: int) -> None:
    if not 1 <= sources <= images:
        raise ValueError(
            f"{sources} sources out of {images} images: a mixture needs at least one source and the split as "
            "many images as a mixture; lower the number of sources or add images"
        )
