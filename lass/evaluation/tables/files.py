"""Tables as CSV files and as aligned text, and what every table asks of its columns."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from lass.storage import written_aside

FloatArray = NDArray[np.float64]


def write_csv(table: pa.Table, *, path: Path) -> None:
    """Write `table` as CSV with a header line, null as an empty field; written aside, then renamed."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")  # Arrow's own writer quotes every name
        lines.writerow(table.column_names)
        lines.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


def read_csv(path: Path) -> pa.Table:
    """Read a CSV table with a header line; empty fields are null.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a CSV table.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: let the workflow make it, snakemake --cores 1 {path}"
        )
    try:
        return pyarrow.csv.read_csv(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a CSV table ({error}): remove it and make it anew") from error


def floats(table: pa.Table, name: str) -> FloatArray:
    """A numeric column as float64, null as NaN."""
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


def check_columns(rows: pa.Table, schema: pa.Schema) -> None:
    """ValueError where a table has no rows, or lacks columns of `schema`."""
    absent = [name for name in schema.names if name not in rows.column_names]
    if absent:
        raise ValueError(f"rows lack the columns {', '.join(absent)}: make them anew")
    if rows.num_rows == 0:
        raise ValueError("no rows: nothing to summarise")


def first_row(rows: pa.Table, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """The first of the rows that are chosen."""
    row: dict[str, Any] = rows.slice(int(np.argmax(chosen)), 1).to_pylist()[0]
    return row


def standard_error(values: FloatArray) -> float:
    """Standard error of the mean of what is not NaN; NaN for fewer than two or for infinite values."""
    kept = values[~np.isnan(values)]
    if kept.size < 2 or not np.isfinite(kept).all():
        return float("nan")
    return float(kept.std(ddof=1) / np.sqrt(kept.size))


def cell_text(value: float | str | None, *, percent: int | None = None) -> str:
    """A value of a table as text, a dash where there is none; a share in per cent with so many decimals."""
    if value is None:
        return "-"
    if percent is not None:
        return f"{100 * float(value):.{percent}f}%"
    return f"{value:z.2f}" if isinstance(value, float) else str(value)


def align_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equally many cells as lines of one width: the first column flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )
