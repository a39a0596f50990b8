"""Real handwritten digits without a download: scikit-learn's, in the form of MNIST."""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from lass.data.images.idx import IMAGES, LABELS


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 images [n, 28, 28] uint8, ink in the inner 20 rows and columns as in MNIST, and labels [n]."""
    found = load_digits()
    images = np.zeros((len(found.images), 28, 28), dtype=np.uint8)
    for image, small in zip(images, found.images, strict=True):
        picture = Image.fromarray(np.rint(small * 255 / 16).astype(np.uint8))
        image[4:24, 4:24] = np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))
    return images, found.target.astype(np.int64)


def idx_bytes(values: np.ndarray) -> bytes:
    """The content of an IDX file of `values` uint8, which are images [n, H, W] or labels [n]."""
    magic = {3: IMAGES, 1: LABELS}[values.ndim]
    header = b"".join(number.to_bytes(4, "big") for number in (magic, *values.shape))
    return header + values.astype(np.uint8).tobytes()


def write_mnist(folder: Path, *, train: int, test: int) -> None:
    """The first digits as MNIST's four files: those of training packed, those of the test not."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits()
    for kind, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        (folder / f"train-{kind}.gz").write_bytes(gzip.compress(idx_bytes(values[:train])))
        (folder / f"t10k-{kind}").write_bytes(idx_bytes(values[train : train + test]))
