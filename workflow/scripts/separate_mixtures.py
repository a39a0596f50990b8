"""Separate one shard of a split's mixtures by one method."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lass.data.estimates import write_estimates
from lass.data.mixtures import open_mixtures
from lass.data.settings import LIBRARY_SETTINGS
from lass.data.shards import shard_of
from lass.methods.opening import open_family
from lass.methods.settings import read_job
from lass.runtime import logged
from lass.settings import Computed
from lass.tokens import computed_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, files = snakemake.params, snakemake.input
    data = LIBRARY_SETTINGS.validate_python(params.library)
    mixtures = open_mixtures(Path(files.sources), Path(files.mixtures), data)
    paths = {name: Path(files[name]) for name in files.keys()}  # noqa: SIM118 (no mapping)
    asked = snakemake.resources
    where = asked.device if asked.network else None
    method, given = open_family(read_job(params.job), paths, device=where)
    rows = shard_of(range(len(mixtures)), snakemake.wildcards.scatteritem)
    shape = (0, len(mixtures.classes[0]), mixtures.length)
    estimates = [np.empty(shape, dtype=np.float32)]  # of a shard without mixtures
    for begin in range(0, len(rows), params.batch):
        estimates.append(method.separate(mixtures.load(rows[begin : begin + params.batch])))
        logger.info("%d of %d mixtures", min(begin + params.batch, len(rows)), len(rows))
    computed = [computed_candidates(given.candidates)] if given.candidates else []
    computed.append(Computed(precision=given.precision, device=given.hardware))
    path = Path(snakemake.output.estimates)
    write_estimates(path, items=rows, estimates=np.concatenate(estimates), computed=computed)
