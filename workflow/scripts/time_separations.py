"""Seconds per mixture, batch by batch: from the mixtures to the estimates of every method."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch

from lass.assembly.codecs import CodecAt
from lass.assembly.finishes import open_finish, open_synthesis
from lass.assembly.mixtures import open_mixtures
from lass.assembly.samplers import open_samplers
from lass.compute.timing import describe_device, seconds_of
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.psnr import SECONDS
from lass.models.checkpoint import read_vqvae
from lass.runtime import choose_device, logged, memory_for
from lass.separation.estimation.candidates import draw_candidates
from lass.separation.estimation.estimates import estimate_sources

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given, rows = snakemake.params, snakemake.input, list[dict[str, Any]]()
    vqvae = read_vqvae(Path(given.vqvae), **params.codec).to(choose_device(snakemake.resources.device))
    codec = CodecAt(vqvae, precision=params.precision)
    mixtures = open_mixtures(Path(given.sources), Path(given.mixtures), params.library)
    files = {"likelihood": given.likelihood, "patches": given.get("patches"), "priors": given.priors}
    settings = {"length": params.positions, "seed": params.seed, "noise": params.noise}
    settings |= {"memory": memory_for(codec.device, snakemake.resources.mem_mb)}
    synthesis = open_synthesis(
        codec,
        weights=params.weights,
        bounds=mixtures.bounds,
        residual=given.get("residual"),
        classes=params.library["classes"],
        strength=params.strength,
    )
    names = mixtures.sources[: params.batch * params.batches]
    for method, steps in params.methods.items():
        parts = {"codec": codec, "files": files, "priors": params.priors, "weights": params.weights}
        group, separator = next(open_samplers(names, sampler=steps["sampler"], settings=settings, **parts))
        finish, kept = open_finish(steps["finish"]), steps["sampler"]["kept"]

        def separate(items: list[int]) -> None:
            """From mixtures to estimates."""
            data = torch.from_numpy(mixtures.load(items)).to(codec.device)
            found = draw_candidates(separator, data, items, kept=kept)  # noqa: B023 (called in this turn)
            told: dict[str, Any] = {"interchangeable": group.interchangeable, "finish": finish}  # noqa: B023
            estimate_sources(found, data, synthesis=synthesis, **told)

        separate(group.rows[:1])  # a rehearsal: what happens once is not the separation
        for begin in range(0, len(group.rows), params.batch):
            items = group.rows[begin : begin + params.batch]
            seconds = seconds_of(lambda: separate(items), codec.device) / len(items)  # noqa: B023
            row = {"dataset": params.dataset, "method": method, "seconds": seconds}
            rows.append(row | {"device": describe_device(codec.device), "mixtures": len(items)})
            logger.info("%s: %.3f seconds per mixture", method, seconds)
    write_csv(pa.Table.from_pylist(rows, schema=SECONDS), path=Path(snakemake.output.timing))
