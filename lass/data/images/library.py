"""The images of a split in one file: small enough to be held in memory as bytes, read as rows of numbers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lass.storage import damaged, read_header, read_tensors, write_tensors

FORM = "lass.images"
VERSION = 1
FILE = "images.safetensors"  # what the file is called in the folder of a split


@dataclass(frozen=True, eq=False)
class ImageLibrary:
    """Images of one split with their classes. A data point is a row of T = C * H * W numbers in [0, 1]."""

    pixels: Tensor  # [n, C, H, W] uint8
    labels: np.ndarray  # [n] int64, index into classes
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image(self) -> tuple[int, int, int]:
        """Colours, rows and columns."""
        colours, rows, columns = self.pixels.shape[1:]
        return colours, rows, columns

    @property
    def digest(self) -> str:
        """Hash of all pixels, of their sizes, labels and classes."""
        parts = hashlib.sha256(repr((tuple(self.pixels.shape), self.classes)).encode())
        parts.update(self.labels.tobytes())
        parts.update(np.ascontiguousarray(self.pixels.numpy()).data)
        return parts.hexdigest()[:16]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Images `rows` as float32 [len(rows), T] in [0, 1], channel by channel, line by line."""
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(
                f"images {rows.min()} to {rows.max()} of {len(self)}: ask for 0 to {len(self) - 1}"
            )
        chosen: np.ndarray = (
            self.pixels.numpy()[rows].reshape(len(rows), math.prod(self.image)).astype(np.float32)
        )
        chosen /= np.float32(255)
        return chosen

    def rows_of(self, index: int) -> np.ndarray:
        """Rows [count] of the images of class `index`, ascending."""
        return np.flatnonzero(self.labels == index)


def write_images(path: Path, pixels: Tensor | np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    """Write images uint8 [n, C, H, W] and their labels [n], indices into `classes`; ValueError for others."""
    held = torch.as_tensor(pixels)
    kinds = np.asarray(labels, dtype=np.int64)
    _check(path, held, kinds, len(classes))
    write_tensors(
        path,
        {"pixels": held, "labels": kinds},
        form=FORM,
        version=VERSION,
        fields={"image": list(held.shape[1:]), "classes": list(classes)},
    )


def open_images(path: Path, *, image: Sequence[int], classes: Sequence[str]) -> ImageLibrary:
    """The images at `path`, which must have the sizes `image` (C, H, W) and the classes of the configuration.

    Raises FileNotFoundError or ValueError, naming the file, where it is missing, damaged or made for another
    configuration.
    """
    header = read_header(path, form=FORM, version=VERSION)
    for name, needed in (("image", list(image)), ("classes", list(classes))):
        if header.get(name) != needed:
            raise ValueError(
                f"{path}: made for {name} = {header.get(name)}, but {name} = {needed} is needed; "
                "delete it and make it again"
            )
    tensors = read_tensors(path)
    if tensors.keys() != {"pixels", "labels"}:
        raise damaged(path, f"it holds {sorted(tensors)}")
    pixels, labels = tensors["pixels"], tensors["labels"].numpy().astype(np.int64)
    _check(path, pixels, labels, len(classes))
    if list(pixels.shape[1:]) != list(image):
        raise damaged(
            path, f"images of {list(pixels.shape[1:])} pixels under a header that says {list(image)}"
        )
    return ImageLibrary(pixels, labels, tuple(classes))


def _check(path: Path, pixels: Tensor, labels: np.ndarray, classes: int) -> None:
    """ValueError where these are no images with labels."""
    if pixels.dtype != torch.uint8 or pixels.dim() != 4 or not pixels.numel():
        raise ValueError(
            f"{path}: images of type {pixels.dtype} and shape {list(pixels.shape)}; "
            "give uint8 of [n, colours, rows, columns], none of them 0"
        )
    if labels.shape != (len(pixels),):
        raise ValueError(f"{path}: labels of shape {labels.shape} for {len(pixels)} images; give one each")
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"{path}: labels from {labels.min()} to {labels.max()}, but there are {classes} classes; "
            f"give 0 to {classes - 1}"
        )
