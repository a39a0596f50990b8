"""Extracted sources without recordings to extract them from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lass.data.audio.extraction import write_sources
from lass.data.audio.files import write_audio
from lass.data.audio.recordings import Listing, Recording
from lass.data.audio.tracks import AudioLibrary, open_tracks
from lass.data.settings import AudioLibrarySettings


def write_library(folder: Path, items: Mapping[str, Mapping[str, np.ndarray]], *, rate: int) -> AudioLibrary:
    """The library in `folder` of `items`: name -> class -> samples [T]."""
    recordings = []
    for item, sources in items.items():
        home = folder.with_name(f"{folder.name}_stems") / item
        for name, source in sources.items():
            write_audio(home / f"{name}.wav", source, rate=rate)
        recordings.append(Recording(item, {name: (home / f"{name}.wav",) for name in sources}))
    classes = tuple(dict.fromkeys(name for sources in items.values() for name in sources))
    write_sources(folder, Listing(tuple(recordings)), rate=rate, classes=classes)
    return open_tracks(folder, AudioLibrarySettings(rate=rate, classes=classes))
