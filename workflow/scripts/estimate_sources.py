"""Make one estimate per source of the candidates of one shard's mixtures."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.finishes import open_finish, open_synthesis, read_kept
from lass.assembly.groups import group_by_priors
from lass.assembly.mixtures import open_mixtures
from lass.data.estimates import write_estimates
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.separation.estimation.estimates import estimate_sources

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given = snakemake.params, snakemake.input
    vqvae = read_vqvae(Path(given.vqvae), **params.codec)
    codec = CodecAt(vqvae.to(choose_device(snakemake.resources.device)), precision=params.precision)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), params.library)
    synthesis = open_synthesis(
        codec,
        weights=params.weights,
        bounds=mixtures.bounds,
        residual=given.get("residual"),
        classes=params.library["classes"],
        strength=params.strength,
    )
    finish = open_finish(params.finish)
    kept = read_kept(Path(given.candidates), codec=codec)
    shard, estimates = list(kept), dict[int, np.ndarray]()
    for group in group_by_priors([mixtures.sources[item] for item in shard], params.priors):
        for begin in range(0, len(group.rows), params.batch):
            items = [shard[row] for row in group.rows[begin : begin + params.batch]]
            found = estimate_sources(
                [kept[item] for item in items],
                torch.from_numpy(mixtures.load(items)).to(codec.device),
                finish=finish,
                synthesis=synthesis,
                interchangeable=group.interchangeable,
            )
            estimates |= zip(items, found.cpu().numpy(), strict=True)
            logger.info("%d of %d mixtures", len(estimates), len(shard))
    shape = (len(shard), len(params.weights), mixtures.length)
    ordered = np.array([estimates[item] for item in shard], dtype=np.float32).reshape(shape)
    write_estimates(Path(snakemake.output.estimates), items=shard, estimates=ordered)
