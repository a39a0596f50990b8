"""Encode every source of one shard of a split's tracks, or its images."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.assembly.sources import items_of, open_sources
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.tokens import write_tokens

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    vqvae = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device)
    hop = vqvae.shape.hop
    library = open_sources(Path(snakemake.input.sources), params.library, shortest=hop)
    altered = {"copies": params.copies, "augmentation": params.augmentation, "seed": params.seed}
    tracks, sources, codes = [], [], []
    for items in items_of(library, snakemake.wildcards.scatteritem, hop=hop, **altered):
        tracks += items.tracks
        sources += items.sources
        codes += list(vqvae.encode(items.data.to(device)).cpu().numpy())
    write_tokens(
        Path(snakemake.output.tokens),
        {"track": tracks, "source": sources},
        codes,
        codebook=vqvae.quantizer.identity,
        codebook_size=vqvae.shape.codes,
    )
    logger.info("%d sequences, %d tokens", len(codes), sum(map(len, codes)))
