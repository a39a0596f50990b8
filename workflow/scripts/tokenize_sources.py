"""Encode every source of one shard of a split's items, and altered copies of images."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lass.compute.devices import choose_device
from lass.data.library import open_library
from lass.data.settings import LIBRARY_SETTINGS, Augmentation
from lass.models.codec import open_codec
from lass.models.settings import CodecCheck
from lass.runtime import logged
from lass.tokens import write_tokens

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    device = choose_device(snakemake.resources.device)
    codec = open_codec(Path(snakemake.input.codec), CodecCheck(**params.check), device=device)
    data = LIBRARY_SETTINGS.validate_python(params.library)
    library = open_library(Path(snakemake.input.sources), data, shortest=codec.hop)
    altered = Augmentation(**params.altered) if params.altered else None
    items, classes, codes = [], [], []
    for part in library.encodable(
        snakemake.wildcards.scatteritem, hop=codec.hop, augmentation=altered, seed=params.seed
    ):
        items += part.items
        classes += part.classes
        codes += list(codec.encode(torch.from_numpy(part.data).to(device)).cpu().numpy())
    write_tokens(
        Path(snakemake.output.tokens),
        {"track": items, "source": classes},
        codes,
        codebook=codec.identity,
        codebook_size=len(codec.codebook),
    )
    logger.info("%d sequences, %d tokens", len(codes), sum(map(len, codes)))
