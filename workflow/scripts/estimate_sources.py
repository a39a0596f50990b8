"""Make one estimate per source of the candidates of one shard's mixtures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.finishes import open_finish, read_kept
from lass.assembly.groups import group_by_priors
from lass.assembly.images import open_image_library
from lass.data.estimates import write_estimates
from lass.data.pairs import load_images, read_image_mixtures
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.separation.estimation import estimate_sources

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    vqvae = read_vqvae(Path(snakemake.input.vqvae), **params.codec)
    codec = CodecAt(vqvae.to(choose_device(snakemake.resources.device)), precision=params.precision)
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = read_image_mixtures(Path(snakemake.input.mixtures))
    kept = read_kept(Path(snakemake.input.candidates), codec=codec)
    shard, estimates = list(kept), dict[int, np.ndarray]()
    settings: dict[str, Any] = {
        "finish": open_finish(params.finish),
        "weights": torch.tensor(params.weights).to(codec.device),
    }
    for group in group_by_priors([table["sources"][item].as_py() for item in shard], params.priors):
        for begin in range(0, len(group.rows), params.batch):
            items = [shard[row] for row in group.rows[begin : begin + params.batch]]
            mixtures = torch.from_numpy(load_images(library, table, items).mixtures).to(codec.device)
            found = estimate_sources(
                [kept[item] for item in items],
                mixtures,
                codec=codec,
                interchangeable=group.interchangeable,
                **settings,
            )
            estimates |= zip(items, found.cpu().numpy(), strict=True)
            logger.info("%d of %d mixtures", len(estimates), len(shard))
    shape = (len(shard), len(params.weights), int(np.prod(library.image)))
    ordered = np.array([estimates[item] for item in shard], dtype=np.float32).reshape(shape)
    write_estimates(Path(snakemake.output.estimates), items=shard, estimates=ordered)
