"""Encode every source of one shard of a split's tracks."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.data.shards import shard_of
from lass.data.sources import open_library
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
    library = open_library(
        Path(snakemake.input.sources), rate=params.rate, classes=params.classes, shortest=hop
    )
    tracks, sources, codes = [], [], []
    for track in shard_of(library.tracks, snakemake.wildcards.scatteritem):
        audio = library.read(track, frames=library.frames[track] // hop * hop)
        for name, wave in zip(params.classes, torch.from_numpy(audio).to(device), strict=True):
            tracks.append(track)
            sources.append(name)
            codes.append(vqvae.encode(wave[None])[0].cpu().numpy())
    write_tokens(
        Path(snakemake.output.tokens),
        {"track": tracks, "source": sources},
        codes,
        codebook=vqvae.quantizer.identity,
        codebook_size=vqvae.shape.codes,
    )
    logger.info("%d sequences, %d tokens", len(codes), sum(map(len, codes)))
