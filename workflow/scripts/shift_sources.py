"""Shift the sources of the test mixtures, and what is in these mixtures beside them."""

from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.shifts import moved, write_shifted
from lass.data.audio.tracks import open_tracks
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.data.shift_settings import Shift
from lass.data.table import read_mixtures, write_mixtures
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, output = snakemake.params, snakemake.output
    data, mixing = AudioLibrarySettings(**params.library), Mixing(**params.mixing)
    library, shift = open_tracks(Path(snakemake.input.sources), data), Shift(**params.shift)
    weights = dict(zip(mixing.sources or data.classes, mixing.weights, strict=True))
    write_shifted(Path(output.sources), library, shift, weights=weights, seed=params.seed)
    write_mixtures(Path(output.mixtures), moved(read_mixtures(Path(snakemake.input.mixtures)), shift))
    logger.info("%d recordings", len(library.items))
