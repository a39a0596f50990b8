"""Download a public file of weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.config import parse_config
from lass.data.public import fetch_weights
from lass.data.sources import PUBLIC_FILES
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    path = Path(snakemake.output.file)
    name = next(name for name, file in PUBLIC_FILES.items() if file.name == path.name)
    addresses = parse_config(snakemake.config).addresses
    fetch_weights(name, path, addresses=addresses.get(name, []))
    logger.info("%s", path)
