"""The images of a split in one file: small enough to be held in memory as bytes, read as rows of numbers."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from lass.compute.seeds import generator
from lass.data.encoding import Encodable
from lass.data.images.choices import permuted_rows
from lass.data.settings import Augmentation, ImageLibrarySettings, MixtureDraw
from lass.data.shards import shard_of
from lass.data.table import Place, mixture_table
from lass.storage import damaged, read_arrays, read_header, write_tensors

FORM = "lass.images"
VERSION = 1
FILE = "images.safetensors"  # what the file is called in the folder of a split
BLOCK = 1000  # images that are altered together: they share a generator, whatever the shards


@dataclass(frozen=True, eq=False)
class ImageLibrary:
    """Images of one split, each of one class. A data point is a row of T = C * H * W numbers in [0, 1].

    The name of an image as an item is its number in the split, with six digits.
    """

    pixels: np.ndarray  # [n, C, H, W] uint8
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
        parts.update(np.ascontiguousarray(self.pixels).data)
        return parts.hexdigest()[:16]

    @cached_property
    def items(self) -> list[str]:
        """Names of the images, in order."""
        return [f"{row:06d}" for row in range(len(self))]

    @property
    def bounds(self) -> tuple[float, float]:
        """Pixels are numbers from 0 to 1."""
        return (0.0, 1.0)

    def classes_of(self, item: str) -> tuple[str, ...]:
        """The one class of the image `item`; ValueError where there is no such image."""
        return (self.classes[int(self.labels[self._row_of(item)])],)

    def length_of(self, item: str) -> int:
        """C * H * W; ValueError where there is no such image."""
        self._row_of(item)
        return math.prod(self.image)

    def read(self, item: str, source_class: str, start: int = 0, length: int | None = None) -> np.ndarray:
        """The image `item` [T] float32, read whole: ValueError for another class, or a part of it."""
        held, whole = self.classes_of(item), self.length_of(item)
        if source_class not in held:
            raise ValueError(f"image {item!r} is of class {held[0]!r}, not {source_class!r}; ask for that")
        if start != 0 or length not in (None, whole):
            raise ValueError(
                f"image {item!r} has {whole} numbers and is read whole: not {length} from {start} on"
            )
        image: np.ndarray = self.read_rows(np.array([self._row_of(item)]))[0]
        return image

    def read_rows(self, rows: np.ndarray) -> np.ndarray:
        """Images `rows` as float32 [len(rows), T] in [0, 1], channel by channel, line by line."""
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(
                f"images {rows.min()} to {rows.max()} of {len(self)}: ask for 0 to {len(self) - 1}"
            )
        chosen: np.ndarray = self.pixels[rows].reshape(len(rows), math.prod(self.image)).astype(np.float32)
        chosen /= np.float32(255)
        return chosen

    def rows_of(self, index: int) -> np.ndarray:
        """Rows [count] of the images of class `index`, ascending."""
        return np.flatnonzero(self.labels == index)

    def draw(self, choice: MixtureDraw) -> pa.Table:
        """The table of mixtures of different images, of any class, all used as often.

        ValueError where the split has fewer images than a mixture, or `choice` asks for what images lack.
        """
        weights, count, length = choice.mixing.weights, choice.count, math.prod(self.image)
        if choice.mixing.sources is not None or choice.pairing != "apart":
            raise ValueError("images of any class are mixed: leave `sources` out, and pair them `apart`")
        if count is None:
            raise ValueError("the list of mixtures of images has no end: give their count")
        if choice.length not in (None, length):
            raise ValueError(
                f"images of {length} numbers are mixed whole, not {choice.length}: give no length"
            )
        rows = permuted_rows(len(self), count=count, sources=len(weights), seed=choice.seed)  # [count, N]
        return mixture_table(
            [[Place(self.items[row]) for row in mixed] for mixed in rows.tolist()],
            sources=np.array(self.classes, dtype=object)[self.labels[rows]].tolist(),
            weights=weights,
            length=length,
        )

    def encodable(
        self, shard: str, *, hop: int, augmentation: Augmentation | None, seed: int
    ) -> Iterator[Encodable]:
        """Every image of the shard's blocks, and then its altered copies: copy 3 of 000012 is 000012/3."""
        del hop  # images are encoded whole
        for block in shard_of(range(-(-len(self) // BLOCK)), shard):
            rows = np.arange(block * BLOCK, min(len(self), (block + 1) * BLOCK))
            names = [self.items[row] for row in rows]
            classes = [self.classes[label] for label in self.labels[rows]]
            images = self.read_rows(rows)
            yield Encodable(names, classes, images)
            if augmentation is None:
                continue
            for copy in range(1, augmentation.copies + 1):
                rng = generator(seed, "augmentation", copy, block)
                altered = self._altered(images, rng, augmentation)
                yield Encodable([f"{name}/{copy}" for name in names], classes, altered)

    def _altered(
        self, images: np.ndarray, rng: np.random.Generator, augmentation: Augmentation
    ) -> np.ndarray:
        import torch  # noqa: PLC0415 (takes seconds, and whoever only reads images needs none)

        from lass.data.images.augmentation import augment  # noqa: PLC0415

        altered = augment(torch.from_numpy(images), image=self.image, rng=rng, settings=augmentation)
        return np.asarray(altered.numpy())

    def _row_of(self, item: str) -> int:
        row = int(item) if item.isdecimal() and item.isascii() else len(self)
        if row >= len(self) or item != f"{row:06d}":
            raise ValueError(f"no image {item!r} among {len(self)}")
        return row


def write_images(path: Path, pixels: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    """Write images uint8 [n, C, H, W] and their labels [n], indices into `classes`; ValueError for others."""
    held = np.asarray(pixels)
    kinds = np.asarray(labels, dtype=np.int64)
    _check(path, held, kinds, len(classes))
    write_tensors(
        path,
        {"pixels": held, "labels": kinds},
        form=FORM,
        version=VERSION,
        fields={"image": list(held.shape[1:]), "classes": list(classes)},
    )


def open_images(folder: Path, data: ImageLibrarySettings) -> ImageLibrary:
    """The images in `folder`, which must have the sizes and the classes of the configuration.

    Raises FileNotFoundError or ValueError, naming the file, where it is missing, damaged or made for another
    configuration.
    """
    path, image, classes = folder / FILE, data.image, data.classes
    header = read_header(path, form=FORM, version=VERSION)
    for name, needed in (("image", list(image)), ("classes", list(classes))):
        if header.get(name) != needed:
            raise ValueError(
                f"{path}: made for {name} = {header.get(name)}, but {name} = {needed} is needed; "
                "delete it and make it again"
            )
    tensors = read_arrays(path)
    if tensors.keys() != {"pixels", "labels"}:
        raise damaged(path, f"it holds {sorted(tensors)}")
    pixels, labels = tensors["pixels"], tensors["labels"].astype(np.int64)
    _check(path, pixels, labels, len(classes))
    if list(pixels.shape[1:]) != list(image):
        raise damaged(
            path, f"images of {list(pixels.shape[1:])} pixels under a header that says {list(image)}"
        )
    return ImageLibrary(pixels, labels, tuple(classes))


def _check(path: Path, pixels: np.ndarray, labels: np.ndarray, classes: int) -> None:
    """ValueError where these are no images with labels."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or not pixels.size:
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
