"""Add the counts of all shards and normalise them to the sparse likelihood, out of core."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.compute.devices import memory_for
from lass.likelihood.merging import merge_to_likelihood
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    merged = merge_to_likelihood(
        [Path(path) for path in snakemake.input.counts],
        Path(snakemake.output.likelihood),
        memory=memory_for(torch.device("cpu"), snakemake.resources.mem_mb),
    )
    logger.info("%d entries of F, total %d", merged.entries, merged.total)
