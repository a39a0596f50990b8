"""The sources of a split, of music, speech or images: one interface, whatever they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from lass.data.audio.tracks import open_tracks
from lass.data.encoding import Encodable
from lass.data.images.library import open_images
from lass.data.settings import (
    AudioLibrarySettings,
    Augmentation,
    ImageLibrarySettings,
    LibrarySettings,
    MixtureDraw,
)


class Library(Protocol):
    """Items of one split: tracks, utterances or images, each with a source of one or several classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes of the data set, in order."""

    @property
    def items(self) -> Sequence[str]:
        """Names of all items, in order."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value of a number of a source; infinite for none."""

    @property
    def digest(self) -> str:
        """Hash of all that the library holds: other data, other hash."""

    def classes_of(self, item: str) -> tuple[str, ...]:
        """The classes that `item` has a source of; ValueError where there is no such item."""

    def length_of(self, item: str) -> int:
        """T of the sources of `item`; ValueError where there is no such item."""

    def read(self, item: str, source_class: str, start: int = 0, length: int | None = None) -> np.ndarray:
        """The source x [T] float32 of the class `source_class` of `item`: `length` numbers from `start` on.

        None reads to the end. ValueError where the item has no such class, or not so many numbers.
        """

    def draw(self, choice: MixtureDraw) -> pa.Table:
        """The table of mixtures (`lass.data.table`) that `choice` asks for; it depends on it alone.

        ValueError where the split has too few items.
        """

    def encodable(
        self, shard: str, *, hop: int, augmentation: Augmentation | None, seed: int
    ) -> Iterator[Encodable]:
        """What the tokenization of the shard `K-of-M` encodes: every item to its last whole token of `hop`.

        Altered copies of images follow as `augmentation` says, under names of their own.
        """


def open_library(folder: Path, data: LibrarySettings, *, shortest: int = 1) -> Library:
    """The sources in `folder`, as extraction left them; recordings under `shortest` samples are passed over.

    FileNotFoundError or ValueError, naming the file, where one is missing, damaged or made for another
    configuration.
    """
    match data:
        case AudioLibrarySettings():
            return open_tracks(folder, data, shortest=shortest)
        case ImageLibrarySettings():
            return open_images(folder, data)
