"""Shift the sources of the test mixtures, and what is in these mixtures beside them."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lass.data.audio.shifts import write_shifted
from lass.data.audio.tracks import open_tracks
from lass.data.settings import AudioLibrarySettings, Mixing
from lass.data.shift_settings import Shift
from lass.runtime import logged
from lass.storage import written_aside

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]) as logger:
    params, output = snakemake.params, snakemake.output
    data, mixing = AudioLibrarySettings(**params.library), Mixing(**params.mixing)
    library = open_tracks(Path(snakemake.input.sources), data)
    weights = dict(zip(mixing.sources or data.classes, mixing.weights, strict=True))
    write_shifted(Path(output.sources), library, Shift(**params.shift), weights=weights, seed=params.seed)
    with written_aside(Path(output.mixtures)) as aside:  # the same places
        shutil.copyfile(snakemake.input.mixtures, aside)
    logger.info("%d recordings", len(library.items))
