"""Make one estimate per source of the candidates of one shard's mixtures."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lass.assembly.images import open_image_library
from lass.data.estimates import write_estimates
from lass.data.pairs import load_images, read_image_mixtures
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged
from lass.separation.candidates import Candidates
from lass.separation.estimation import Finish, estimate_sources
from lass.tokens import read_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    codec = read_vqvae(Path(snakemake.input.vqvae), **params.codec).to(device)
    library = open_image_library(Path(snakemake.input.sources), params.library)
    table = read_image_mixtures(Path(snakemake.input.mixtures))
    stored = read_candidates([Path(snakemake.input.candidates)], codebook=codec.quantizer.identity)
    items, estimates = list(stored), []
    for begin in range(0, len(items), params.batch):
        batch = items[begin : begin + params.batch]
        found = [Candidates(**stored[item]) for item in batch]
        mixtures = torch.from_numpy(load_images(library, table, batch).mixtures).to(device)
        estimates.append(estimate_sources(found, mixtures, finish=Finish(**params.finish), codec=codec))
        logger.info("%d of %d mixtures", begin + len(batch), len(items))
    estimates.append(np.empty((0, len(params.weights), int(np.prod(library.image))), dtype=np.float32))
    write_estimates(Path(snakemake.output.estimates), items=items, estimates=np.concatenate(estimates))
