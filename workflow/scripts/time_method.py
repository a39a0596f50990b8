"""Seconds per mixture of one method that needs no candidates: one batch, after a rehearsal."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lass.compute.timing import describe_device, seconds_of
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.seconds import SECONDS
from lass.methods.opening import open_family
from lass.methods.protocol import device_of
from lass.methods.settings import read_job
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, files = snakemake.params, snakemake.input
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(files.sources), Path(files.mixtures), data)
    paths = {name: Path(files[name]) for name in files.keys()}  # noqa: SIM118 (no mapping)
    asked = snakemake.resources
    where = asked.device if asked.network else "cpu"
    method, given = open_family(read_job(params.job), paths, device=where)
    timed = mixtures.load(range(min(len(mixtures), params.batch)))
    device = device_of(given)
    method.separate(mixtures.load([0]))  # a rehearsal: what happens once is not the separation
    seconds = seconds_of(lambda: method.separate(timed), device) / len(timed.items)
    row = {"dataset": snakemake.wildcards.dataset, "method": snakemake.wildcards.method}
    row |= {"device": describe_device(device), "precision": given.precision}
    row |= {"seconds": seconds, "mixtures": len(timed.items)}
    write_csv(pd.DataFrame([row], columns=SECONDS), path=Path(snakemake.output.seconds))
    logger.info("%.3f seconds per mixture", seconds)
