"""Count one shard of the random tuples of training sources."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.compute.devices import choose_device
from lass.data.settings import LIBRARY_SETTINGS, Mixing, TupleGroup
from lass.data.shards import shard_of
from lass.data.tuples import encoder_of, open_stream
from lass.likelihood.counts import TupleCounter, write_counts
from lass.likelihood.settings import TupleOrigin
from lass.models.codec import open_codec
from lass.models.settings import CodecCheck
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, mixing = snakemake.params, Mixing(**snakemake.params.mixing)
    origin = TupleOrigin(**params.counted_from)
    assert origin.tuples is not None, "as the configuration demands where a table is counted"
    device = choose_device(snakemake.resources.device)
    codec = open_codec(Path(snakemake.input.codec), CodecCheck(**params.check), device=device)
    stream = open_stream(
        Path(snakemake.input.sources),
        [Path(path) for path in snakemake.input.tokens],
        LIBRARY_SETTINGS.validate_python(params.library),
        encoder=encoder_of(codec),
        mixing=mixing,
        group=TupleGroup(**params.group),
        seed=params.seed,
    )
    counter = TupleCounter(
        codebook_size=len(codec.codebook), sources=len(mixing.weights), symmetric=params.symmetric
    )
    groups = shard_of(range(-(-origin.tuples // stream.group_size)), snakemake.wildcards.scatteritem)
    for done, group in enumerate(groups, start=1):
        counter.add(*stream.group(group))
        if done % max(1, len(groups) // 20) == 0:
            logger.info("%d of %d groups", done, len(groups))
    counts = counter.counts()
    write_counts(Path(snakemake.output.counts), counts, counted=origin.encoded(codec.identity))
    logger.info("%d tuples, %d entries of F", len(groups) * stream.group_size, len(counts.keys))
