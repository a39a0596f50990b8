"""Seconds per mixture of music, batch by batch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.separators import open_separator
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.sources import open_library
from lass.evaluation.csv_files import write_csv
from lass.evaluation.image_tables import SECONDS
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.decoding import Method
from lass.timing import describe_device, seconds_of

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
    row = {"dataset": params.dataset, "method": "lass", "device": describe_device(device)}
    rows: list[dict[str, Any]] = []
    for begin in range(0, min(len(table), params.batches * params.batch), params.batch):
        items = range(len(table))[begin : begin + params.batch]
        mixtures = torch.stack([torch.from_numpy(load_chunk(library, table, item).audio) for item in items])
        mixtures = mixtures.to(device)
        if not rows:  # a rehearsal: what happens once is not the separation
            separator.separate(mixtures[:1], items[:1])
        seconds = seconds_of(lambda: separator.separate(mixtures, items), device)  # noqa: B023 (called here)
        rows.append(row | {"seconds": seconds / len(items), "mixtures": len(items)})
        logger.info("%.2f seconds for %d mixtures", seconds, len(items))
    write_csv(pa.Table.from_pylist(rows, schema=SECONDS), path=Path(snakemake.output.timing))
