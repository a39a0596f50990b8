"""Seconds per mixture of images, batch by batch: from the mixtures to the estimates of every method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.finishes import open_finish
from lass.assembly.images import open_image_library
from lass.assembly.samplers import open_samplers
from lass.data.pairs import load_images, read_image_mixtures
from lass.evaluation.csv_files import write_csv
from lass.evaluation.image_tables import SECONDS
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.candidates import draw_candidates
from lass.separation.estimation import estimate_sources
from lass.timing import describe_device, seconds_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given, rows = snakemake.params, snakemake.input, list[dict[str, Any]]()
    vqvae = read_vqvae(Path(given.vqvae), **params.codec).to(choose_device(snakemake.resources.device))
    codec = CodecAt(vqvae, precision=params.precision)
    library = open_image_library(Path(given.sources), params.library)
    table = read_image_mixtures(Path(given.mixtures))
    files = {"likelihood": given.likelihood, "patches": given.get("patches"), "priors": given.priors}
    settings = {"length": params.positions, "seed": params.seed, "noise": params.noise}
    settings |= {"memory": memory_for(codec.device, snakemake.resources.mem_mb)}
    weights = torch.tensor(params.weights, device=codec.device)
    names = table["sources"].to_pylist()[: params.batch * params.batches]
    for method, steps in params.methods.items():
        parts = {"codec": codec, "files": files, "priors": params.priors, "weights": params.weights}
        group, separator = next(open_samplers(names, sampler=steps["sampler"], settings=settings, **parts))
        finish, kept = open_finish(steps["finish"]), steps["sampler"]["kept"]

        def separate(items: list[int]) -> None:
            """From mixtures to estimates."""
            mixtures = torch.from_numpy(load_images(library, table, items).mixtures).to(codec.device)
            found = draw_candidates(separator, mixtures, items, kept=kept)  # noqa: B023 (called in this turn)
            told: dict[str, Any] = {"weights": weights, "interchangeable": group.interchangeable}  # noqa: B023
            estimate_sources(found, mixtures, finish=finish, codec=codec, **told)  # noqa: B023

        separate(group.rows[:1])  # a rehearsal: what happens once is not the separation
        for begin in range(0, len(group.rows), params.batch):
            items = group.rows[begin : begin + params.batch]
            seconds = seconds_of(lambda: separate(items), codec.device) / len(items)  # noqa: B023
            row = {"dataset": snakemake.wildcards.images, "method": method, "seconds": seconds}
            rows.append(row | {"device": describe_device(codec.device), "mixtures": len(items)})
            logger.info("%s: %.3f seconds per mixture", method, seconds)
    write_csv(pa.Table.from_pylist(rows, schema=SECONDS), path=Path(snakemake.output.timing))
