"""Add the counts of all shards and normalise them to the sparse likelihood."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.likelihood.counts import merge_counts, read_counts
from lass.likelihood.tensor import build_likelihood, write_likelihood
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    counts = merge_counts(read_counts(Path(path)) for path in snakemake.input.counts)
    logger.info("%d entries of F, total %d", len(counts.keys), counts.counts.sum())
    write_likelihood(Path(snakemake.output.likelihood), build_likelihood(counts))
