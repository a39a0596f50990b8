"""One table of the rows of all data sets; of timed batches their means (Table 4)."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lass.evaluation.tables.files import read_csv, write_csv
from lass.evaluation.tables.seconds import summarise_seconds
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    paths, name = list(map(Path, snakemake.input.tables)), snakemake.wildcards.table
    tables = [read_csv(path) for path in paths]
    for path, rows in zip(paths, tables, strict=True):
        if "dataset" not in rows:  # tables of scores do not say it
            rows.insert(0, "dataset", path.stem.removesuffix(f"_{name}"))
    table = pd.concat(tables, ignore_index=True)
    if name == "timing":
        table = summarise_seconds(table)
    write_csv(table, path=Path(snakemake.output.table))
