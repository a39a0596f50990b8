"""Compose and render the synthetic songs of one split."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.runtime import logged
from lass.songs.performance import Playing
from lass.songs.rendering import write_songs
from lass.songs.settings import Composed

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    folder, composed = Path(snakemake.output.songs), Composed(**snakemake.params.composed)
    number = getattr(composed.songs, folder.name, composed.songs.test)
    folder.mkdir(parents=True, exist_ok=True)
    write_songs(
        folder.parent,
        split=folder.name,
        numbers=range(snakemake.params.first, snakemake.params.first + number),
        seed=snakemake.params.seed,
        seconds=composed.seconds,
        workers=snakemake.threads,
        playing=Playing(tuple(composed.soundfonts), composed.alterations),
    )
    logger.info("%d songs of %g s in %s", number, composed.seconds, folder)
