"""Draw one shard's candidates: hypotheses of the sources' codes, of which the nearest to the mixture stay."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.images import open_image_library
from lass.assembly.samplers import open_samplers
from lass.data.pairs import load_images, read_image_mixtures
from lass.data.shards import shard_of
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.candidates import Candidates, draw_candidates
from lass.tokens import write_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    vqvae = read_vqvae(Path(given.vqvae), **params.codec).to(choose_device(snakemake.resources.device))
    codec = CodecAt(vqvae, precision=params.precision)
    library = open_image_library(Path(given.sources), params.library)
    table = read_image_mixtures(Path(given.mixtures))
    shard = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    samplers = open_samplers(
        [table["sources"][item].as_py() for item in shard],
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
            mixtures = torch.from_numpy(load_images(library, table, items).mixtures).to(codec.device)
            found = draw_candidates(separator, mixtures, items, kept=params.sampler["kept"])
            results += zip(items, found, strict=True)
            logger.info("%d of %d mixtures", len(results), len(shard))
    write_candidates(
        Path(snakemake.output.candidates),
        sorted(results, key=lambda result: result[0]),
        codebook=vqvae.quantizer.identity,
        codebook_size=vqvae.shape.codes,
    )
