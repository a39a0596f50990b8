"""Seconds per mixture of images, batch by batch: from the mixtures to the estimates of every method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lass.evaluation.csv_files import write_csv
from lass.evaluation.image_tables import SECONDS
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    rows: list[dict[str, Any]] = []
    write_csv(pa.Table.from_pylist(rows, schema=SECONDS), path=Path(snakemake.output.timing))
