"""Draw one shard's candidates: hypotheses of the sources' codes, of which the nearest to the mixture stay."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.mixtures import open_mixtures
from lass.assembly.samplers import open_samplers
from lass.data.shards import shard_of
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.estimation.candidates import Candidates, draw_candidates
from lass.tokens import write_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    vqvae = read_vqvae(Path(given.vqvae), **params.codec).to(choose_device(snakemake.resources.device))
    codec = CodecAt(vqvae, precision=params.precision)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), params.library)
    shard = shard_of(range(len(mixtures.sources)), snakemake.wildcards.scatteritem)
    samplers = open_samplers(
        [mixtures.sources[item] for item in shard],
        codec=codec,
        files={"likelihood": given.likelihood, "patches": given.get("patches"), "priors": given.priors},
        priors=params.priors,
        sampler=params.sampler,
        weights=params.weights,
        settings={
            "length": params.positions,
            "seed": params.seed,
            "memory": memory_for(codec.device, snakemake.resources.mem_mb),
            "noise": params.noise,
        },
    )
    results: list[tuple[int, Candidates]] = []
    for group, separator in samplers:
        for begin in range(0, len(group.rows), params.batch):
            items = [shard[row] for row in group.rows[begin : begin + params.batch]]
            data = torch.from_numpy(mixtures.load(items)).to(codec.device)
            results += zip(
                items, draw_candidates(separator, data, items, kept=params.sampler["kept"]), strict=True
            )
            logger.info("%d of %d mixtures", len(results), len(shard))
    uncounted = sum(found.uncounted for _, found in results)
    logger.info("uncounted mixture codes: %d of %d positions", uncounted, len(results) * params.positions)
    write_candidates(
        Path(snakemake.output.candidates),
        sorted(results, key=lambda result: result[0]),
        codebook=vqvae.quantizer.identity,
        codebook_size=vqvae.shape.codes,
    )
