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
    tables = [read_csv(Path(path)) for path in snakemake.input.tables]
    table = pd.concat(tables, ignore_index=True)
    if snakemake.wildcards.table == "timing":
        table = summarise_seconds(table)
    write_csv(table, path=Path(snakemake.output.table))
