"""The sources of a split, music or images, and what of them is tokenized."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lass.assembly.images import open_image_library
from lass.data.audio.tracks import SourceLibrary, open_library
from lass.data.images.augmentation import augment
from lass.data.images.library import ImageLibrary
from lass.data.shards import shard_of

BLOCK = 1000  # images that are augmented together: they share a generator, whatever the shards


@dataclass(frozen=True)
class Items:
    """Data points that are encoded together."""

    tracks: list[str]  # name of each
    sources: list[str]  # class of each
    data: torch.Tensor  # [B, T] float32


def open_sources(
    folder: Path, library: Mapping[str, Any], *, shortest: int = 1
) -> SourceLibrary | ImageLibrary:
    """The sources in `folder`.

    `library` holds the classes, and the rate of music or the `image` (colours, rows, columns) of images.
    Tracks of music under `shortest` samples are passed over.
    """
    if "image" in library:
        return open_image_library(folder, library)
    return open_library(folder, **library, shortest=shortest)


def items_of(
    library: SourceLibrary | ImageLibrary,
    shard: str,
    *,
    hop: int,
    copies: int,
    augmentation: Mapping[str, float] | None,
    seed: int,
) -> Iterator[Items]:
    """What the tokenization of one shard encodes: every track to the last whole token, or every image.

    So many `copies` of every image, altered by `augmentation` (rotation, scale, shear), follow under names of
    their own.
    """
    if isinstance(library, SourceLibrary):
        for track in shard_of(library.tracks, shard):
            audio = library.read(track, frames=library.frames[track] // hop * hop)
            yield Items([track] * len(audio), list(library.classes), torch.from_numpy(audio))
        return
    for block in shard_of(range(-(-len(library) // BLOCK)), shard):
        rows = np.arange(block * BLOCK, min(len(library), (block + 1) * BLOCK))
        names = [f"{row:06d}" for row in rows]
        classes = [library.classes[label] for label in library.labels[rows]]
        images = torch.from_numpy(library.read(rows))
        yield Items(names, classes, images)
        for copy in range(1, copies + 1):
            rng = np.random.default_rng((seed, copy, block))
            altered = augment(images, image=library.image, rng=rng, **(augmentation or {}))
            yield Items([f"{name}/{copy}" for name in names], classes, altered)
