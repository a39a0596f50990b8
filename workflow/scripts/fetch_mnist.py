"""Download one of MNIST's files."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.downloads.expected import Expected
from lass.data.downloads.files import download
from lass.data.images.mnist import FILES, REMEDY
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    name = snakemake.wildcards.file
    download(
        [f"{mirror.rstrip('/')}/{name}.gz" for mirror in snakemake.params.mirrors],
        Path(snakemake.output.file),
        expected=Expected(md5=FILES[name], of_content=True),
        remedy=REMEDY,
    )
    logger.info("%s", snakemake.output.file)
