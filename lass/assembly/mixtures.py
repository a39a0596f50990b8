"""The mixtures of a split, of music or of images: what separation reads of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lass.assembly.sources import open_sources
from lass.data.audio.tracks import SourceLibrary
from lass.data.mixtures import load_chunk, read_mixtures
from lass.data.pairs import load_images, read_image_mixtures


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of a split by their number."""

    sources: list[list[str]]  # of each mixture: the class of every source
    length: int  # T
    load: Callable[[Sequence[int]], np.ndarray]  # y [B, T] float32 of the mixtures with these numbers
    bounds: tuple[float, float]  # of every number of a source; infinite for none


def open_mixtures(sources: Path, mixtures: Path, library: Mapping[str, Any]) -> Mixtures:
    """The mixtures listed in the file `mixtures` of the sources in the folder `sources`.

    `library` holds what `open_sources` has to know.
    """
    opened = open_sources(sources, library)
    if isinstance(opened, SourceLibrary):
        table = read_mixtures(mixtures)
        frames = set(table["frames"].to_pylist())
        if len(frames) > 1:
            raise ValueError(f"{mixtures}: mixtures of {sorted(frames)} samples; give all of them one length")
        return Mixtures(
            table["sources"].to_pylist(),
            max(frames, default=0),
            lambda items: np.stack([load_chunk(opened, table, item).audio for item in items]),
            (-np.inf, np.inf),
        )
    table = read_image_mixtures(mixtures)
    return Mixtures(
        table["sources"].to_pylist(),
        int(np.prod(opened.image)),
        lambda items: load_images(opened, table, items).mixtures,
        (0.0, 1.0),
    )
