"""Separate one shard of the mixtures of a split by latent autoregressive source separation."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.separators import open_separator
from lass.data.audio import write_audio
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.shards import shard_of
from lass.data.sources import open_library
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.decoding import Method
from lass.tokens import write_separations

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    codec = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device)
    separator = open_separator(
        codec=CodecAt(codec, "float32"),
        likelihood=Path(snakemake.input.likelihood),
        priors=[
            {"path": Path(path), **{name: each[name] for name in ("source", "classes", "conditional")}}
            for path, each in zip(snakemake.input.priors, params.priors, strict=True)
        ],
        weights=params.weights,
        method=Method(**params.method),
        selection=params.selection,
        seed=params.seed,
        memory=memory_for(device, snakemake.resources.mem_mb),
        length=params.positions,
    )
    library = open_library(Path(snakemake.input.sources), **params.library)
    table = read_mixtures(Path(snakemake.input.mixtures))
    shard = shard_of(range(len(table)), snakemake.wildcards.scatteritem)
    audio, results = Path(snakemake.output.audio), []
    audio.mkdir(parents=True, exist_ok=True)
    for begin in range(0, len(shard), params.batch):
        items = shard[begin : begin + params.batch]
        mixtures = torch.stack([torch.from_numpy(load_chunk(library, table, item).audio) for item in items])
        for item, result in zip(items, separator.separate(mixtures.to(device), items), strict=True):
            results.append((item, result))
            write_audio(audio / f"{item:05d}.wav", result.estimates.cpu().numpy(), rate=library.rate)
        logger.info("%d of %d mixtures", len(results), len(shard))
    uncounted = sum(result.uncounted for _, result in results)
    logger.info("uncounted mixture codes: %d of %d positions", uncounted, len(results) * params.positions)
    write_separations(
        Path(snakemake.output.codes),
        results,
        classes=library.classes,
        codebook=codec.quantizer.identity,
        codebook_size=codec.shape.codes,
    )
