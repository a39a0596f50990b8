"""Tables 2 and 3: one row per method from the scores of all mixtures, with a figure and the settings."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lass import __version__
from lass.evaluation.tables.files import read_csv, write_csv
from lass.evaluation.tables.psnr import SCORES, draw_psnr, format_psnr, summarise_psnr
from lass.runtime import logged
from lass.storage import written_aside

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    rows = pa.concat_tables([read_csv(Path(path)).cast(SCORES) for path in snakemake.input.scores])
    write_csv(summarise_psnr(rows), path=Path(snakemake.output.table))
    logger.info("%s\n%s", snakemake.output.table, format_psnr(Path(snakemake.output.table)))
    draw_psnr(rows, path=Path(snakemake.output.figure))
    made = {"config": snakemake.params.config, "lass": __version__, "split": snakemake.params.split}
    with written_aside(Path(snakemake.output.made)) as aside:
        aside.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
