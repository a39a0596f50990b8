"""Frechet distance of two sets of images by the mean and covariance of their features (Heusel et al. 2017).

What makes features of images, for the published numbers the Inception network of 2015 with 2,048 of them, is
not part of this module: distances are comparable only where the same network saw images of the same size.
"""

import io
import logging
import math
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lass.writing import written_aside

FloatArray = NDArray[np.float64]
Images = NDArray[np.float32]
FEW = 2048  # images below which the covariance of Inception's features is singular, and the distance biased

_DAMAGES = (
    KeyError,
    ValueError,
    TypeError,
    OSError,
    RuntimeError,  # of a compression, or an encryption, that zipfile does not know
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """What the distance takes of a set of images. Raises ValueError where it cannot be of one."""

    mean: FloatArray  # [D]
    covariance: FloatArray  # [D, D], symmetric, normalised by the number of images less one
    images: int | None = None  # how many; None where a file does not tell
    network: str | None = None  # SHA-256 of the file of the network that made the features; likewise

    def __post_init__(self) -> None:
        """Refuse other shapes, and numbers that are none."""
        width = len(self.mean) if self.mean.ndim == 1 else 0
        if width == 0 or self.covariance.shape != (width, width):
            raise ValueError(
                f"mean {list(self.mean.shape)} and covariance {list(self.covariance.shape)} do not belong "
                "together: give [D] and [D, D]"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise ValueError("mean or covariance hold NaN or infinite numbers: compute the features again")
        scale = float(np.abs(self.covariance).max())
        if float(np.abs(self.covariance - self.covariance.T).max()) > 1e-5 * scale:
            raise ValueError("the covariance is not symmetric: compute the statistics again")
        if float(self.covariance.diagonal().min()) < 0:
            raise ValueError("the covariance has variances below zero: compute the statistics again")

    @cached_property
    def root(self) -> FloatArray:
        """The symmetric root of the covariance [D, D]: one set is compared with several."""
        return symmetric_root(self.covariance)


def pictures_of(images: ArrayLike, *, image: tuple[int, int, int]) -> Images:
    """Images [n, T] of numbers as pictures [n, C, H, W] in [0, 1], of 256 levels as in a file of pictures.

    Published distances are between files of 8 bits. Raises ValueError where `image` has not T numbers.
    """
    rows = np.asarray(images, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != math.prod(image):
        raise ValueError(f"images {list(rows.shape)} are not rows of {math.prod(image)} numbers, {image}")
    levels = np.asarray(np.round(rows.clip(0, 1) * 255) / 255, dtype=np.float32)
    return levels.reshape(-1, *image)


def statistics_of(batches: Iterable[ArrayLike], *, network: str | None = None) -> FeatureStatistics:
    """Mean and covariance of the features [B, D] of all `batches`, in one pass and in float64.

    `network` names what made them.

    Batches are merged by their means (Chan, Golub and LeVeque 1979): no difference of large sums is taken.
    Fewer than 2,048 images are logged as a warning. Raises ValueError for fewer than two images, other
    shapes, or features that are NaN or infinite.
    """
    images, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for batch in batches:
        features = np.asarray(batch, dtype=np.float64)
        if features.ndim != 2 or (images and features.shape[1] != len(mean)):
            raise ValueError(
                f"features are {list(features.shape)} after {images} images with {len(mean)}: give [B, D], "
                "with D the same in all batches"
            )
        if not len(features):
            continue
        if not images:
            mean, scatter = np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2)
        own = features.mean(axis=0)
        centred, step = features - own, own - mean
        together = images + len(features)
        scatter += centred.T @ centred + np.outer(step, step) * (images * len(features) / together)
        mean = mean + step * (len(features) / together)
        images = together
    if images < 2:
        raise ValueError(f"{images} images have no covariance: give two at least")
    warn_of_few(images)
    return FeatureStatistics(mean, scatter / (images - 1), images, network)


def warn_of_few(images: int) -> None:
    """Say that a distance between so few images says little."""
    if images < FEW:
        logger.warning(
            "%d images are fewer than %d: their covariance may be singular, and the distance is biased "
            "upwards; compare it with none of another number of images",
            images,
            FEW,
        )


def read_statistics(path: Path) -> FeatureStatistics:
    """Statistics from a file `.npz` with `mu` [D] and `sigma` [D, D], as pytorch-fid writes them.

    Those of `write_statistics` also tell the number of images and the network. Raises FileNotFoundError where
    there is none, and ValueError, naming the file, where it holds others.
    """
    content = io.BytesIO(path.read_bytes())  # errors of the system are told from those of the content
    try:
        with np.load(content, allow_pickle=False) as arrays:
            found = {name: np.asarray(arrays[name], dtype=np.float64) for name in ("mu", "sigma")}
            images = index(arrays["images"].item()) if "images" in arrays.files else None
            network = str(arrays["network"].item()) if "network" in arrays.files else None
        return FeatureStatistics(found["mu"], found["sigma"], images, network)
    except _DAMAGES as error:
        raise ValueError(f"{path}: no statistics of features with mu and sigma ({error})") from error


def write_statistics(path: Path, statistics: FeatureStatistics) -> None:
    """Write `statistics` as pytorch-fid does; images and network, too, where they are known."""
    told = {"images": statistics.images, "network": statistics.network}
    arrays = {name: np.asarray(value) for name, value in told.items() if value is not None}
    with written_aside(path) as aside, aside.open("wb") as file:
        np.savez(file, allow_pickle=False, mu=statistics.mean, sigma=statistics.covariance, **arrays)


def frechet_distance(one: FeatureStatistics, other: FeatureStatistics) -> float:
    """`|m - m'|^2 + tr(C) + tr(C') - 2 tr((C C')^(1/2))`, 0 or more.

    The last trace is the sum of the singular values of `C^(1/2) C'^(1/2)`, the symmetric roots: their squares
    are the eigenvalues of `C C'`, and rounding costs less than by the root of that product. Raises ValueError
    where the two have different numbers of features.
    """
    if len(one.mean) != len(other.mean):
        raise ValueError(
            f"{len(one.mean)} and {len(other.mean)} features: statistics of the same network are needed"
        )
    between = float(((one.mean - other.mean) ** 2).sum())
    product = one.root @ other.root
    common = float(np.linalg.svd(product, compute_uv=False).sum())
    distance = between + float(np.trace(one.covariance) + np.trace(other.covariance)) - 2 * common
    return max(distance, 0.0)  # equal sets differ by rounding


def symmetric_root(covariance: FloatArray) -> FloatArray:
    """The symmetric matrix [D, D] whose square is `covariance`; eigenvalues below zero are rounding."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray((vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T)
