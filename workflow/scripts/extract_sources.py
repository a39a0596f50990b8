"""Sum the files of every class of every recording of a split and keep them at the model's rate."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.extraction import write_sources
from lass.data.audio.recordings import list_recordings
from lass.data.contents import record_digests
from lass.data.settings import AudioLibrarySettings, Contents
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, library = snakemake.params, AudioLibrarySettings(**snakemake.params.library)
    if params.files:
        record_digests(Contents(**params.files))
    listing = list_recordings(
        params.reader,
        root=Path(params.root or Path(snakemake.input[0]).parent),
        split=snakemake.wildcards.split,
        classes=library.classes,
        files=params.classes_in,
        held_out=params.held_out,
    )
    for name, reason in listing.left_out.items():
        logger.warning("left out %s: %s", name, reason)
    logger.info("%d recordings, %d left out", len(listing.recordings), len(listing.left_out))
    write_sources(
        Path(snakemake.output.sources),
        listing,
        rate=library.rate,
        classes=library.classes,
        skip_damaged=params.damaged == "skip",
    )
