"""Draw one shard's candidates: hypotheses of the sources' codes, of which the nearest to the mixture stay."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.assembly.groups import group_by_priors
from lass.assembly.images import open_image_library
from lass.assembly.separators import open_separator
from lass.data.pairs import load_images, read_image_mixtures
from lass.data.shards import shard_of
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.separation.candidates import Candidates, draw_candidates
from lass.separation.decoding import Method
from lass.tokens import write_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    codec = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device)
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = read_image_mixtures(Path(snakemake.input.mixtures))
    shard = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    settings = {name: value for name, value in params.sampler.items() if name != "kept"}
    priors = [
        {"path": Path(path), **entry}
        for path, entry in zip(snakemake.input.priors, params.priors, strict=True)
    ]
    sources = [table["sources"][item].as_py() for item in shard]
    results: list[tuple[int, Candidates]] = []
    for chosen, rows in group_by_priors(sources, priors):
        separator = open_separator(
            codec=codec,
            likelihood=Path(snakemake.input.likelihood),
            priors=[{name: value for name, value in one.items() if name != "prior"} for one in chosen],
            weights=params.weights,
            method=Method(**settings),
            seed=params.seed,
            length=params.positions,
            precision=params.precision,
        )
        for begin in range(0, len(rows), params.batch):
            items = [shard[row] for row in rows[begin : begin + params.batch]]
            mixtures = torch.from_numpy(load_images(library, table, items).mixtures).to(device)
            found = draw_candidates(separator, mixtures, items, kept=params.sampler["kept"])
            results += zip(items, found, strict=True)
            logger.info("%d of %d mixtures", len(results), len(shard))
    write_candidates(
        Path(snakemake.output.candidates),
        sorted(results, key=lambda result: result[0]),
        codebook=codec.quantizer.identity,
        codebook_size=codec.shape.codes,
    )
