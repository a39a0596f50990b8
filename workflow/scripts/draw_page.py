"""A page of a table: its numbers, and some mixtures with what every method made of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.pages.drawing import draw_page, read_tabulated
from lass.pages.settings import PageJob
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, given, path = snakemake.params, snakemake.input, Path(snakemake.output.page)
    job, paths = PageJob.model_validate(params.job), list(map(Path, given.get("estimates", [])))
    estimates = {name: [shard for shard in paths if shard.parent.name == name] for name in job.labels}
    made = read_tabulated(Path(given.made))
    draw_page(made, job, estimates=estimates, mixtures=params.examples, path=path)
    logger.info("%s of %d bytes", path, path.stat().st_size)
