"""MNIST (LeCun et al., 1998): four IDX files, and the division of them into train, validation and test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lass.data.images import idx
from lass.data.images.names import MNIST_REMEDY, files_of_split, find_idx

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
REMEDY = MNIST_REMEDY


def read_split(
    root: Path,
    *,
    split: str,
    image: tuple[int, int, int],
    classes: Sequence[str],
    files: Mapping[str, Sequence[str]],
    held_out: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [n, 1, 28, 28] uint8, ink is 255, and digits [n] int64 of one of SPLITS, in order of the files.

    `validation` are the last `held_out` training images, `train` the others. Files are checked for their
    form, not for their MD5, so that other sets in the form of MNIST can be read.

    Raises FileNotFoundError, and ValueError where a file is none of MNIST's, `held_out` leaves no image, or
    `image` or the number of `classes`, of whatever names, is not MNIST's.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is unknown: use one of {', '.join(SPLITS)}")
    if image != IMAGE or len(classes) != len(CLASSES):
        raise ValueError(
            f"images of {image} in {len(classes)} classes: MNIST has {IMAGE} in {len(CLASSES)}; set these"
        )
    if files:
        raise ValueError(f"files {dict(files)}: the labels say which image is of which class; leave them out")
    pixels, labels = _read_part(root, split)
    if split == "test":
        return pixels, labels
    kept = len(labels) - (held_out or 0)
    if not 0 < kept < len(labels):
        raise ValueError(
            f"held_out is {held_out}, but from 1 to {len(labels) - 1} of the {len(labels)} training images "
            f"in {root} can be held out"
        )
    chosen = slice(kept) if split == "train" else slice(kept, None)
    return pixels[chosen], labels[chosen]


def _read_part(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of the two files behind `split`."""
    path, of_labels = (find_idx(folder, name) for name in files_of_split(split))
    images = idx.read_idx(path, magic=idx.IMAGES)
    if images.shape[1:] != IMAGE[1:]:
        raise ValueError(f"{path}: images of {images.shape[1:]} pixels, MNIST has {IMAGE[1:]}; {REMEDY}")
    labels = idx.read_idx(of_labels, magic=idx.LABELS)
    if len(labels) != len(images):
        raise ValueError(f"{of_labels}: {len(labels)} labels for {len(images)} images; {REMEDY}")
    if labels.max() >= len(CLASSES):
        raise ValueError(f"{of_labels}: label {labels.max()}, MNIST has 0 to {len(CLASSES) - 1}; {REMEDY}")
    return images[:, None], labels.astype(np.int64)
