"""Sum the stems of every class of every track of a split and keep them at the model's rate."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.files import write_audio
from lass.data.audio.slakh import find_tracks, read_sources
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    songs, folder = Path(snakemake.input.songs), Path(snakemake.output.sources)
    listing = find_tracks(songs.parent, split=songs.name, classes=snakemake.params.classes)
    for name, reason in listing.left_out.items():
        logger.warning("left out %s: %s", name, reason)
    logger.info("%d tracks, %d left out", len(listing.tracks), len(listing.left_out))
    if not listing.tracks:
        wanted = ", ".join(snakemake.params.classes)
        raise ValueError(
            f"{songs}: no track has stems of all classes ({wanted}); change slakh.classes or the songs"
        )
    for track in listing.tracks:
        audio = read_sources(track, rate=snakemake.params.rate)
        write_audio(folder / f"{track.name}.wav", audio, rate=snakemake.params.rate)
