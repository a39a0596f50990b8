"""The table of mixtures: which places of which items are mixed, chosen once and kept as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lass.storage import damaged, short_of_memory
from lass.writing import written_aside

SCHEMA = pa.schema(
    {
        "mixture": pa.int32(),  # number within the split
        "sources": pa.list_(pa.string()),  # class of every source, N
        "items": pa.list_(pa.string()),  # item of every source, N
        "starts": pa.list_(pa.int64()),  # first sample of every source in its item, N
        "weights": pa.list_(pa.float64()),  # alpha, N
        "length": pa.int64(),  # T
    },
    metadata={"format": "lass-mixtures", "version": "2"},
)


@dataclass(frozen=True, order=True)
class Place:
    """Where a source of a mixture begins."""

    item: str
    start: int = 0


def mixture_table(
    places: Sequence[Sequence[Place]],
    *,
    sources: Sequence[Sequence[str]],
    weights: Sequence[float],
    length: int,
) -> pa.Table:
    """The table of the mixtures of `places`, N each, of the classes `sources`, with the same weights [N]."""
    columns = {
        "mixture": range(len(places)),
        "sources": [list(classes) for classes in sources],
        "items": [[place.item for place in row] for row in places],
        "starts": [[place.start for place in row] for row in places],
        "weights": [[float(weight) for weight in weights]] * len(places),
        "length": [length] * len(places),
    }
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def write_mixtures(path: Path, table: pa.Table) -> None:
    """Write the table aside and rename it."""
    with written_aside(path) as aside:
        pq.write_table(table, aside)


def read_mixtures(path: Path) -> pa.Table:
    """The table at `path`; FileNotFoundError or ValueError where it is none of ours."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such mixture table; run the rule that makes it")
    try:
        table = pq.read_table(path)
    except MemoryError as error:  # Arrow's is an ArrowException, too
        raise short_of_memory(path) from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system: it says nothing against the file
        raise ValueError(
            f"{path}: truncated or not a Parquet file ({error}); delete it and make it again"
        ) from error
    if table.schema.metadata != SCHEMA.metadata or not table.schema.equals(SCHEMA):
        version = SCHEMA.metadata[b"version"].decode()
        raise ValueError(
            f"{path}: columns {table.column_names} are no mixture table of version {version}; make it again"
        )
    _check_rows(path, table)
    return table


def _check_rows(path: Path, table: pa.Table) -> None:
    """ValueError, naming the file, for a row without a value, a weight that is none, lists of two lengths."""
    for name in table.column_names:
        held = table[name]
        listed = pa.types.is_list(held.type)
        values = pc.list_flatten(held) if listed else held
        if held.null_count or values.null_count:
            raise damaged(path, f"its column {name} has rows without a value")
        if listed and not pc.list_value_length(held).equals(pc.list_value_length(table["items"])):
            raise damaged(path, f"its columns {name} and items are of different lengths")
    if not np.isfinite(pc.list_flatten(table["weights"]).to_numpy()).all():
        raise damaged(path, "a weight is no number")
