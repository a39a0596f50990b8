"""Score one shard of a method's estimates: one row of metrics per mixture and source."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lass.data.audio.tracks import open_library
from lass.data.estimates import read_estimates
from lass.data.mixtures import load_chunk, read_mixtures
from lass.evaluation.metrics.sdr import best_order, evaluate_separation
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.sdr import SCORES, score_rows
from lass.runtime import logged
from lass.tokens import read_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, method = snakemake.params, snakemake.wildcards.method
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    candidates = snakemake.input.get("candidates")
    known = read_candidates([Path(candidates)]) if candidates else {}
    rows = []
    for item, estimates in read_estimates([Path(snakemake.input.estimates)]).items():
        chunk = load_chunk(library, table, item)
        order = best_order(estimates, chunk.sources, kinds=params.kinds)
        scores = evaluate_separation(
            estimates[order], chunk.sources, rate=library.rate, window=params.window, hop=params.window
        )
        rows += score_rows(
            scores,
            method=method,
            mixture=item,
            classes=library.classes,
            uncounted=known[item]["uncounted"] if known else 0,
            positions=params.positions if known else 0,
        )
    write_csv(pa.Table.from_pylist(rows, schema=SCORES), path=Path(snakemake.output.scores))
    logger.info("%d rows", len(rows))
