"""Seconds per mixture and memory of one method, batch by batch, after a rehearsal."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lass.compute.devices import memory_for
from lass.compute.timing import describe_device, peak_memory, seconds_of
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.seconds import SECONDS
from lass.methods.opening import on_device, open_family
from lass.methods.protocol import Given, device_of
from lass.methods.settings import DecodingJob, read_job
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, files, asked = snakemake.params, snakemake.input, snakemake.resources
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(files.sources), Path(files.mixtures), data)
    named = {name: files[name] for name in files.keys()}  # noqa: SIM118 (no mapping)
    job = read_job(params.job)
    if params.decoding:  # from the mixture on, not from candidates that are at hand
        given = on_device(Given(), asked.device, precision=job.precision)
        told: dict[str, Any] = {"given": given}
        told["memory"] = lambda: memory_for(device_of(given), asked.mem_mb)
        latent, whole = map(import_module, ("lass.methods.latent", "lass.methods.whole"))  # of no other row
        told["method_of"] = latent.latent_method
        ready: Any = list
        separate: Any = whole.open_whole(DecodingJob(**params.decoding), job, named, mixtures, **told)
    else:
        paths = {name: Path(file) for name, file in named.items()}
        method, given = open_family(job, paths, device=asked.device if asked.network else "cpu")
        separate, ready = method.separate, mixtures.load  # read before the clock starts
    numbers = list(range(min(len(mixtures), params.batch * params.batches)))
    separate(ready(numbers[:1]))  # a rehearsal: what happens once is not the separation
    rows = []
    for begin in range(0, len(numbers), params.batch):
        batch = numbers[begin : begin + params.batch]
        read = ready(batch)
        seconds = seconds_of(lambda: separate(read), device_of(given)) / len(batch)  # noqa: B023
        row = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method}
        row |= {"device": describe_device(device_of(given)), "precision": given.precision}
        row |= {"seconds": seconds, "mixtures": len(batch), "memory": peak_memory(device_of(given))}
        rows.append(row)
        logger.info("%.3f seconds per mixture, %d MiB", seconds, row["memory"])
    write_csv(pd.DataFrame(rows, columns=SECONDS), path=Path(snakemake.output.seconds))
