"""Tables 5 and 3 of music: one row per method, with a figure and the settings behind it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lass import __version__
from lass.evaluation.tables.files import read_csv, write_csv
from lass.evaluation.tables.sdr import draw_scores, summarise_scores
from lass.runtime import logged
from lass.storage import written_aside

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    rows = pa.concat_tables(
        [read_csv(Path(path)) for path in snakemake.input.scores], promote_options="permissive"
    )
    table = summarise_scores(rows, classes=snakemake.params.classes)
    write_csv(table, path=Path(snakemake.output.table))
    draw_scores(rows, classes=snakemake.params.classes, path=Path(snakemake.output.figure))
    made = {"config": snakemake.params.config, "lass": __version__, "split": snakemake.params.split}
    with written_aside(Path(snakemake.output.made)) as aside:
        aside.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
