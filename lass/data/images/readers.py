"""Images of a split from wherever a data set comes: the readers, and what they have in common."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np


class Reader(Protocol):
    """A module that reads image sets of one kind; `lass.config.registry` names it."""

    def read_split(
        self,
        root: Path,
        *,
        split: str,
        image: tuple[int, int, int],
        classes: Sequence[str],
        files: Mapping[str, Sequence[str]],
        held_out: int | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [n, C, H, W] uint8 and labels [n] int64 of a split, indices into `classes`.

        `files` says where those of a class are, if not as usual.

        FileNotFoundError or ValueError, naming the file, where something is missing or does not fit.
        """


def read_images(
    module: str,
    *,
    root: Path,
    split: str,
    image: tuple[int, int, int],
    classes: Sequence[str],
    files: Mapping[str, Sequence[str]],
    held_out: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [n, C, H, W] uint8 and labels [n] of `split` in `root`, by the reader `module`.

    `held_out` training images are the validation split of a set without one.
    """
    reader = cast(Reader, import_module(module))
    return reader.read_split(root, split=split, image=image, classes=classes, files=files, held_out=held_out)
