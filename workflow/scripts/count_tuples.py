"""Count one shard of the random tuples of training sources."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.assembly.streams import open_stream
from lass.data.shards import shard_of
from lass.likelihood.counts import TupleCounter, write_counts
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    vqvae = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(
        choose_device(snakemake.resources.device)
    )
    stream = open_stream(
        sources=Path(snakemake.input.sources),
        tokens=[Path(path) for path in snakemake.input.tokens],
        vqvae=vqvae,
        library=params.library,
        weights=params.weights,
        settings=params.group,
        seed=params.seed,
    )
    counter = TupleCounter(
        codebook_size=vqvae.shape.codes, sources=len(params.weights), symmetric=params.symmetric
    )
    groups = shard_of(range(-(-params.tuples // stream.group_size)), snakemake.wildcards.scatteritem)
    for done, group in enumerate(groups, start=1):
        counter.add(*stream.group(group))
        if done % max(1, len(groups) // 20) == 0:
            logger.info("%d of %d groups", done, len(groups))
    counts = counter.counts()
    write_counts(Path(snakemake.output.counts), counts)
    logger.info("%d tuples, %d entries of F", len(groups) * stream.group_size, len(counts.keys))
