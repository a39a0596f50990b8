"""Seconds per mixture, batch by batch: from mixtures to estimates by every method that needs priors."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lass.compute.devices import choose_device, memory_for
from lass.compute.timing import describe_device, seconds_of
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.seconds import SECONDS
from lass.methods.candidates import candidates_of
from lass.methods.latent import open_method
from lass.methods.protocol import Given
from lass.methods.settings import DecodingJob, LatentJob
from lass.models.bundle import open_model
from lass.models.codec import open_codec
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, files, rows = snakemake.params, snakemake.input, list[dict[str, Any]]()
    device = choose_device(snakemake.resources.device)
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(files.sources), Path(files.mixtures), data)
    residual, frames = files.get("residual"), files.get("frames")
    given = Given(device, codec=Path(files.codec), residual=Path(residual) if residual else None)
    numbers = list(range(min(len(mixtures), params.batch * params.batches)))
    for name, jobs in params.methods.items():
        decoding, latent = DecodingJob(**jobs["decoding"]), LatentJob(**jobs["method"])
        codec = open_codec(Path(files.codec), decoding.codec, device=device, precision=decoding.precision)
        priors = [(Path(path), prior) for path, prior in zip(files.priors, decoding.priors, strict=True)]
        sizes = {"sources": len(decoding.weights), "length": decoding.positions}
        model = open_model(codec, likelihood=Path(files.likelihood), priors=priors, **sizes)
        told: dict[str, Any] = {"model": model, "job": decoding}
        told["memory"] = memory_for(device, snakemake.resources.mem_mb)
        told["frames"] = Path(frames) if frames and decoding.decoder.likelihood == "frames" else None
        method = open_method(latent, given)

        def separate(batch: list[int]) -> None:
            """From mixtures to estimates."""
            candidates = dict(candidates_of(mixtures, batch, **told))  # noqa: B023 (called in this turn)
            replace(method, candidates=candidates).separate(mixtures.load(batch))  # noqa: B023

        separate(numbers[:1])  # a rehearsal: what happens once is not the separation
        for begin in range(0, len(numbers), params.batch):
            batch = numbers[begin : begin + params.batch]
            seconds = seconds_of(lambda: separate(batch), device) / len(batch)  # noqa: B023
            row = {"dataset": snakemake.wildcards.dataset, "method": name, "seconds": seconds}
            rows.append(row | {"device": describe_device(device), "mixtures": len(batch)})
            logger.info("%s: %.3f seconds per mixture", name, seconds)
    write_csv(pa.Table.from_pylist(rows, schema=SECONDS), path=Path(snakemake.output.timing))
