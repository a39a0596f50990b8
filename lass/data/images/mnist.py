"""MNIST (LeCun et al., 1998): four IDX files, and the division of them into train, validation and test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass.data.images import idx

FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""Name of each file without .gz -> MD5 of its unpacked content, as `lass.data.downloads` asks for it."""

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IMAGE = (1, 28, 28)  # colours, rows, columns
SPLITS = ("train", "validation", "test")
REMEDY = f"set mnist.root to a folder with the files {', '.join(FILES)}, each with or without .gz"
_PREFIXES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits in the order of their files."""

    images: np.ndarray  # [n, 28, 28] uint8, ink is 255
    labels: np.ndarray  # [n] int64, the digit


def find_idx(folder: Path, name: str) -> Path:
    """The file `name` of FILES in `folder`, with or without .gz; FileNotFoundError where it is not there."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder} has neither {name} nor {name}.gz: {REMEDY}")


def read_split(folder: Path, *, split: str, held_out: int) -> Digits:
    """The digits of one of SPLITS; `validation` are the last `held_out` training images, `train` the others.

    Files are checked for their form, not for their MD5, so that other sets in the form of MNIST can be read.
    Raises FileNotFoundError, and ValueError where a file is none of MNIST's or `held_out` leaves no image.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is unknown: use one of {', '.join(SPLITS)}")
    if split == "test":
        return _read_part(folder, _PREFIXES["test"])
    digits = _read_part(folder, _PREFIXES["train"])
    kept = len(digits.labels) - held_out
    if not 0 < kept < len(digits.labels):
        raise ValueError(
            f"mnist.held_out is {held_out}, but from 1 to {len(digits.labels) - 1} of the "
            f"{len(digits.labels)} training images in {folder} can be held out"
        )
    chosen = slice(kept) if split == "train" else slice(kept, None)
    return Digits(digits.images[chosen], digits.labels[chosen])


def _read_part(folder: Path, prefix: str) -> Digits:
    """Images and labels of the two files that begin with `prefix`."""
    path = find_idx(folder, f"{prefix}-images-idx3-ubyte")
    images = idx.read_idx(path, magic=idx.IMAGES)
    if images.shape[1:] != IMAGE[1:]:
        raise ValueError(f"{path}: images of {images.shape[1:]} pixels, MNIST has {IMAGE[1:]}; {REMEDY}")
    path = find_idx(folder, f"{prefix}-labels-idx1-ubyte")
    labels = idx.read_idx(path, magic=idx.LABELS)
    if len(labels) != len(images):
        raise ValueError(f"{path}: {len(labels)} labels for {len(images)} images; {REMEDY}")
    if labels.max() >= len(CLASSES):
        raise ValueError(f"{path}: label {labels.max()}, MNIST has 0 to {len(CLASSES) - 1}; {REMEDY}")
    return Digits(images, labels.astype(np.int64))
