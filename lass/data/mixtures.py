"""Mixtures `y = sum_n alpha_n x_n` of a split with their sources: what is separated, and what is scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from lass.data.library import Library, open_library
from lass.data.settings import LibrarySettings
from lass.data.table import read_mixtures


@dataclass(frozen=True, eq=False)
class Batch:
    """Some mixtures with their sources."""

    items: list[int]  # numbers of the mixtures, B
    classes: list[list[str]]  # class of every source, [B][N]
    sources: np.ndarray  # x_n [B, N, T] float32
    weights: np.ndarray  # alpha [B, N] float32
    mixtures: np.ndarray  # y [B, T] float32; of shifted ones with what is beside the sources


@dataclass(frozen=True, eq=False)
class Mixtures:
    """The mixtures of a table, whose sources are in `library`.

    ValueError where the table names what the library does not have, or mixtures of several lengths.
    """

    table: pa.Table
    library: Library

    def __post_init__(self) -> None:
        """Refuse a table of another library."""
        lengths = sorted(set(self.table["length"].to_pylist()))
        if len(lengths) > 1:
            raise ValueError(
                f"mixtures of {lengths} samples: give all of them one length, and draw them again"
            )
        columns = [self.table[name].to_pylist() for name in ("sources", "items", "starts")]
        for classes, items, starts in zip(*columns, strict=True):
            for source_class, item, start in zip(classes, items, starts, strict=True):
                self._check_place(item, source_class, start)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def classes(self) -> list[list[str]]:
        """Of each mixture: the class of every source."""
        return list(self.table["sources"].to_pylist())

    @property
    def length(self) -> int:
        """T; 0 where there are no mixtures."""
        return int(self.table["length"][0].as_py()) if len(self) else 0

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value of a number of a source; infinite for none."""
        return self.library.bounds

    def load(self, rows: Sequence[int]) -> Batch:
        """The mixtures in the rows `rows` of the table; ValueError for none."""
        if not len(rows):
            raise ValueError("no mixtures are asked for: give at least one row of the table")
        chosen = self.table.take(pa.array(rows, type=pa.int64())).to_pydict()
        columns = zip(chosen["items"], chosen["sources"], chosen["starts"], strict=True)
        places = [list(zip(*row, strict=True)) for row in columns]  # [B][N]
        sources = np.stack([[self.library.read(*place, self.length) for place in row] for row in places])
        heard = sources + np.stack([[self._beside(*place) for place in row] for row in places])
        weights = np.array(chosen["weights"], dtype=np.float32)
        return Batch(chosen["mixture"], chosen["sources"], sources, weights, mix(heard, weights))

    def _beside(self, item: str, source_class: str, start: int) -> np.ndarray:
        """What a mixture has beside a source of it [T], a room's sound or noise: mostly nothing."""
        name = beside(source_class)
        if name not in self.library.classes_of(item):
            return np.zeros(self.length, dtype=np.float32)
        return self.library.read(item, name, start, self.length)

    def _check_place(self, item: str, source_class: str, start: int) -> None:
        """ValueError where the library has no source there."""
        remedy = "the mixtures are those of other sources: draw them again"
        try:
            held, length = self.library.classes_of(item), self.library.length_of(item)
        except ValueError as error:
            raise ValueError(f"{error}; {remedy}") from error
        if source_class not in held:
            raise ValueError(
                f"{item!r} is of class {', '.join(held)}, but the table of mixtures "
                f"says {source_class!r}; {remedy}"
            )
        if not 0 <= start <= length - self.length:
            raise ValueError(
                f"{item!r} has {length} samples, but the table of mixtures asks for "
                f"{start} to {start + self.length}; {remedy}"
            )


def beside(source_class: str) -> str:
    """Name of a channel of what mixtures have beside the source of a class: no class can be called so."""
    return f"beside {source_class}"


def mix(sources: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`sum_n alpha_n x_n`: sources [..., N, T], weights [N] or [..., N] -> [..., T] float32.

    The addends are added in order, so that a mixture has the same bytes alone and among others.
    """
    addends = np.asarray(sources, dtype=np.float32)
    alphas = np.broadcast_to(np.asarray(weights, dtype=np.float32), addends.shape[:-1])
    mixed = np.zeros((*addends.shape[:-2], addends.shape[-1]), dtype=np.float32)
    for n in range(addends.shape[-2]):
        mixed += alphas[..., n, None] * addends[..., n, :]
    return mixed


def open_mixtures(sources: Path, mixtures: Path, data: LibrarySettings) -> Mixtures:
    """The mixtures listed in the file `mixtures` of the sources in the folder `sources`.

    FileNotFoundError or ValueError, naming the file, where one is missing or does not fit the other.
    """
    library, table = open_library(sources, data), read_mixtures(mixtures)
    try:
        return Mixtures(table, library)
    except ValueError as error:
        raise ValueError(f"{mixtures}: {error}") from error
