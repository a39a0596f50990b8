"""Draw one shard's candidates: hypotheses of the sources' codes, of which the nearest to the mixture stay."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.compute.devices import choose_device, choose_precision, memory_for, name_of
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.data.shards import shard_of
from lass.methods.candidates import candidates_of, model_of
from lass.methods.settings import DecodingJob
from lass.models.codec import open_codec
from lass.runtime import logged
from lass.separation.estimation.candidates import Candidates
from lass.settings import Computed
from lass.tokens import write_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    given, job = snakemake.input, DecodingJob(**snakemake.params.job)
    device = choose_device(snakemake.resources.device)
    precision = choose_precision(job.precision, device)
    codec = open_codec(Path(given.codec), job.codec, device=device, precision=precision)
    asked = {"likelihood": given.get("likelihood"), "priors": given.get("priors", [])}
    model = model_of(job, codec=codec, **asked)
    data = LIBRARY_SETTINGS.validate_python(snakemake.params.library)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), data)
    shard = shard_of(range(len(mixtures)), snakemake.wildcards.scatteritem)
    measured = {name: Path(given[name]) for name in job.decoder.measured}
    results: list[tuple[int, Candidates]] = []
    for result in candidates_of(
        mixtures,
        shard,
        model=model,
        job=job,
        memory=lambda: memory_for(device, snakemake.resources.mem_mb),
        measured=measured,
    ):
        results.append(result)
        if len(results) % job.batch == 0 or len(results) == len(shard):
            logger.info("%d of %d mixtures", len(results), len(shard))
    if job.decoder.uses_counts:
        uncounted = sum(candidates.uncounted for _, candidates in results)
        logger.info("uncounted mixture codes: %d of %d positions", uncounted, len(results) * job.positions)
    write_candidates(
        Path(snakemake.output.candidates),
        sorted(results, key=lambda result: result[0]),
        codebook=codec.identity,
        codebook_size=len(codec.codebook),
        computed=Computed(precision=precision, device=name_of(device)),
    )
