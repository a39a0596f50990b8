"""Tables as CSV files and as aligned text, and what every table asks of its columns."""

import json
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from lass import __version__
from lass.writing import written_aside


def write_csv(table: pd.DataFrame, *, path: Path) -> None:
    """Write `table` as CSV with a header line, what is missing as an empty field; aside, then renamed."""
    with written_aside(path) as aside:
        table.to_csv(aside, index=False, lineterminator="\n")


def write_made(path: Path, kind: str, config: Any, **more: Any) -> None:
    """Write what a table of this kind was made with as JSON: its settings, this lass, and `more`."""
    made = {"kind": kind, "config": config, "lass": __version__, **more}
    with written_aside(path) as aside:
        aside.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV table with a header line; empty fields are missing values.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a CSV table.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: let the workflow make it, snakemake --cores 1 {path}"
        )
    with path.open("rb") as file:
        file.seek(-min(1, path.stat().st_size), os.SEEK_END)
        if file.read() != b"\n":
            raise ValueError(f"{path} is cut off within a line: remove it and make it anew")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line has more fields than the header
            return pd.read_csv(path, index_col=False, keep_default_na=False, na_values=[""])
    except (ValueError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} is not a CSV table ({error}): remove it and make it anew") from error


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, column by column; what is missing is None."""
    known = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def check_columns(rows: pd.DataFrame, names: Iterable[str]) -> None:
    """ValueError where a table has no rows, or lacks columns."""
    absent = [name for name in names if name not in rows]
    if absent:
        raise ValueError(f"rows lack the columns {', '.join(absent)}: make them anew")
    if rows.empty:
        raise ValueError("no rows: nothing to summarise")


def cell_text(value: float | str | None, *, percent: int | None = None) -> str:
    """A value of a table as text, a dash where there is none; a share in per cent with so many decimals."""
    if value is None or pd.isna(value):
        return "-"
    if percent is not None:
        return f"{100 * float(value):.{percent}f}%"
    return f"{value:z.2f}" if isinstance(value, float) else str(value)


def texts_of(table: pd.DataFrame, cell: Callable[[str, float | str | None], str]) -> pd.DataFrame:
    """The same table with its values as texts: `cell` makes them, of the name of a column and a value."""
    return pd.DataFrame({name: [cell(name, value) for value in table[name].tolist()] for name in table})


def align_text(cells: pd.DataFrame) -> str:
    """A table of texts as lines of one width: the first column flush left, the others right."""
    lines = pd.concat([cells.columns.to_frame().T, cells])
    widths = lines.apply(lambda column: column.str.len().max())
    first, *others = (
        lines[name].str.pad(widths[name], side="left" if place else "right")
        for place, name in enumerate(lines)
    )
    return "\n".join(first.str.cat(others, sep="  "))
