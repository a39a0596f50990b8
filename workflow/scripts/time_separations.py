"""Seconds per mixture, batch by batch: from mixtures to estimates by every method that needs candidates."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from lass.compute.devices import choose_device, choose_precision, memory_for
from lass.compute.timing import describe_device, seconds_of
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.seconds import SECONDS
from lass.methods.candidates import candidates_of, model_of
from lass.methods.latent import latent_method
from lass.methods.settings import DecodingJob, LatentJob
from lass.models.codec import open_codec
from lass.runtime import logged
from lass.separation.settings import Measured

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, files, rows = snakemake.params, snakemake.input, list[dict[str, Any]]()
    device = choose_device(snakemake.resources.device)
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(files.sources), Path(files.mixtures), data)
    paths = {name: Path(files[name]) for name in get_args(Measured) if files.get(name)}
    jobs = {
        name: (DecodingJob(**job["decoding"]), LatentJob(**job["method"]))
        for name, job in params.methods.items()
    }
    if not jobs:
        raise ValueError("no row of the main table needs candidates: name one by LASS, or time nothing")
    decoding = next(iter(jobs.values()))[0]  # codec and precision are those of all methods
    precision = choose_precision(decoding.precision, device)
    codec = open_codec(Path(files.codec), decoding.codec, device=device, precision=precision)
    asked = {"likelihood": files.get("likelihood"), "priors": files.get("priors", [])}
    model = model_of([job for job, _ in jobs.values()], codec=codec, **asked)
    numbers = list(range(min(len(mixtures), params.batch * params.batches)))
    for name, (decoding, latent) in jobs.items():
        told: dict[str, Any] = {"model": model, "job": decoding, "measured": paths}
        told["memory"] = lambda: memory_for(device, snakemake.resources.mem_mb)

        def separate(batch: list[int]) -> None:
            """From mixtures to estimates."""
            candidates = dict(candidates_of(mixtures, batch, **told))  # noqa: B023 (called in this turn)
            parts: dict[str, Any] = {"candidates": candidates, "residual": paths.get("residual")}
            latent_method(latent, codec=codec, **parts).separate(mixtures.load(batch))  # noqa: B023

        separate(numbers[:1])  # a rehearsal: what happens once is not the separation
        for begin in range(0, len(numbers), params.batch):
            batch = numbers[begin : begin + params.batch]
            seconds = seconds_of(lambda: separate(batch), device) / len(batch)  # noqa: B023
            row = {"dataset": snakemake.wildcards.dataset, "method": name, "seconds": seconds}
            row |= {"device": describe_device(device), "precision": precision, "mixtures": len(batch)}
            rows.append(row)
            logger.info("%s: %.3f seconds per mixture", name, seconds)
    write_csv(pd.DataFrame(rows, columns=SECONDS), path=Path(snakemake.output.timing))
