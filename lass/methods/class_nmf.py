"""Non-negative matrix factorisation of images by dictionaries of their classes (the paper's Table 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import NMF, non_negative_factorization

from lass.compute.seeds import generator
from lass.data.mixtures import Batch
from lass.methods.protocol import Given, needed
from lass.methods.settings import ClassNmfJob
from lass.models.settings import ClassNmf
from lass.storage import damaged, read_arrays, read_header, write_tensors

FORM = "lass.dictionaries"
VERSION = 1

FloatArray = NDArray[np.float64]
Images = NDArray[np.float32]
Integers = NDArray[np.int64]

_ROWS = 32
"""Mixtures solved at a time, always as many: the libraries round by the shape of a product, so that blocks of
another size would let the estimates of a mixture depend on what else its shard holds."""


@dataclass(frozen=True)
class NmfDictionaries:
    """Atoms of every source class: its images are about non-negative sums of these non-negative images."""

    atoms: Images  # D [classes, components, T]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Dictionaries:
    """Dictionaries of the classes of a mixture's images, which it is told."""

    dictionaries: NmfDictionaries
    iterations: int

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`; the weights are the same for all mixtures."""
        names = self.dictionaries.classes
        labels = np.array([[names.index(name) for name in classes] for classes in batch.classes])
        weights = batch.weights[0].tolist()
        return separate_nmf(
            self.dictionaries, batch.mixtures, labels, weights=weights, iterations=self.iterations
        )


def open_method(job: ClassNmfJob, given: Given) -> Dictionaries:
    """The dictionaries of `job`; ValueError, naming the file, for those of other classes or sizes."""
    path = needed(given.dictionaries, "dictionaries")
    return Dictionaries(read_dictionaries(path, classes=job.classes, pixels=job.pixels), job.iterations)


def fit_dictionaries(
    read: Callable[[np.ndarray], np.ndarray],
    labels: ArrayLike,
    *,
    classes: Sequence[str],
    settings: ClassNmf,
    seed: int,
) -> NmfDictionaries:
    """Learn the atoms of every class from training images: scikit-learn's NMF by coordinate descent.

    `read` gives the images [n, T] in [0, 1] of some rows of the split, `labels` [n] the class of every row.
    Each class is fit alone, in as many sweeps and on as many of its rows as `settings` say, the rows drawn by
    `seed` and class.

    Raises:
        ValueError: labels outside the classes, fewer images of a class than asked for, more components than
            images or pixels, black classes, or pixels that are negative or not finite.
    """
    numbers = _as_labels(labels, len(classes))
    if settings.components > settings.images:
        raise ValueError(
            f"components {settings.components} and images {settings.images} per class: give "
            "components at most as many as the images"
        )
    atoms = []
    for index, name in enumerate(classes):
        rows = np.flatnonzero(numbers == index)
        if len(rows) < settings.images:
            raise ValueError(
                f"class {name!r} has {len(rows)} training images, but {settings.images} are asked for: "
                "lower the number of images per class or add some"
            )
        rng = generator(seed, "methods", index)
        chosen = np.sort(rng.permutation(rows)[: settings.images])
        pixels = _as_pixels(read(chosen), f"training images of class {name!r}")
        atoms.append(_fit_atoms(pixels, name, settings, rng))
    return NmfDictionaries(np.stack(atoms), tuple(classes))


def separate_nmf(
    dictionaries: NmfDictionaries,
    mixtures: ArrayLike,
    labels: ArrayLike,
    *,
    weights: Sequence[float],
    iterations: int,
) -> Images:
    """Separate mixtures y [B, T] of known classes, labels [B, N], to estimates of their sources [B, N, T].

    `y = sum_n D_n h_n` is solved for activations h >= 0 in the least squares, by `iterations` sweeps of
    scikit-learn's coordinate descent from zero. `D_n h_n` stands for `alpha_n x_n`: the estimate of source n
    is `D_n h_n / alpha_n`, clamped to [0, 1]. Unlike LASS with one prior for all sources, this method is told
    the classes. Sources of one class share one dictionary, which cannot tell them apart: they get the same
    estimate. A mixture's estimates do not depend on the other mixtures.

    Raises:
        ValueError: shapes or labels that do not fit the dictionaries, weights that are not positive, no
            iterations, or pixels that are negative or not finite.
    """
    pixels, numbers = _as_pixels(mixtures, "mixtures"), _as_labels(labels, len(dictionaries.classes))
    alpha = np.asarray(weights, dtype=np.float64)
    if pixels.shape[1] != dictionaries.atoms.shape[2] or numbers.shape != (len(pixels), len(alpha)):
        raise ValueError(
            f"mixtures {pixels.shape}, labels {numbers.shape} and {len(alpha)} weights do not fit each other "
            f"or dictionaries of {dictionaries.atoms.shape[2]} pixels: give [B, T], [B, N] and N"
        )
    if iterations < 1 or not (alpha > 0).all():
        raise ValueError(f"iterations {iterations} and weights {list(weights)}: all have to be positive")
    estimates = np.empty((*numbers.shape, pixels.shape[1]), dtype=np.float32)
    classes = np.sort(numbers, axis=1)  # one problem, whichever source is first
    for combination in np.unique(classes, axis=0):
        present = np.unique(combination)
        rows = np.flatnonzero((classes == combination).all(axis=1))
        for start in range(0, len(rows), _ROWS):
            block = rows[start : start + _ROWS]
            shares = _class_shares(dictionaries.atoms[present], pixels[block], iterations=iterations)
            places = np.searchsorted(present, numbers[block])  # [B, N], which share is of which source
            estimates[block] = _estimates(shares, places, alpha)
    return estimates


def write_dictionaries(path: Path, dictionaries: NmfDictionaries) -> None:
    """Write the dictionaries as a tensor file, aside and renamed."""
    fields = {"classes": list(dictionaries.classes)}
    write_tensors(path, {"atoms": dictionaries.atoms}, form=FORM, version=VERSION, fields=fields)


def read_dictionaries(path: Path, *, classes: Sequence[str], pixels: int) -> NmfDictionaries:
    """Read the dictionaries of `classes`, with atoms of T = `pixels`.

    Raises FileNotFoundError, or ValueError for a damaged file, another format, version, classes or size.
    """
    found = read_header(path, form=FORM, version=VERSION).get("classes")
    tensors = read_arrays(path)
    atoms = tensors["atoms"] if "atoms" in tensors else np.empty(0, np.float32)
    if found != list(classes) or atoms.shape != (len(classes), *atoms.shape[1:2], pixels):
        raise ValueError(
            f"{path}: atoms {atoms.shape} of the classes {found}, but {list(classes)} with {pixels} pixels "
            "are needed: give the file that belongs to this configuration, or delete it and make it again"
        )
    if not (np.isfinite(atoms).all() and (atoms >= 0).all()):
        raise damaged(path, "atoms that are negative or not finite")
    return NmfDictionaries(atoms, tuple(classes))


def _fit_atoms(pixels: FloatArray, name: str, settings: ClassNmf, rng: np.random.Generator) -> Images:
    """Atoms [components, T] of one class from its images [n, T]."""
    if settings.components > pixels.shape[1]:
        raise ValueError(
            f"{settings.components} components are more than the {pixels.shape[1]} pixels: ask for fewer"
        )
    if not pixels.any():
        raise ValueError(f"all {len(pixels)} training images of class {name!r} are black: give other images")
    model = NMF(
        settings.components,
        init="nndsvda",
        tol=0.0,  # as many sweeps as asked for
        max_iter=settings.iterations,
        random_state=int(rng.integers(1 << 31)),
    )
    return np.asarray(model.fit(pixels).components_, dtype=np.float32)


def _class_shares(atoms: Images, pixels: FloatArray, *, iterations: int) -> FloatArray:
    """D_c h_c [B, classes, T] of mixtures [B, T], B <= _ROWS, for the atoms [classes, components, T]."""
    classes, components, size = atoms.shape
    dictionary = atoms.astype(np.float64)
    padded = np.zeros((_ROWS, size))
    padded[: len(pixels)] = pixels
    activations, _, _ = non_negative_factorization(
        padded,
        H=dictionary.reshape(-1, size),
        n_components=classes * components,
        update_H=False,
        tol=0.0,  # a tolerance would be met by the block as a whole, not by each of its mixtures
        max_iter=iterations,
    )
    split = activations.reshape(_ROWS, classes, components).transpose(1, 0, 2)  # [classes, _ROWS, components]
    return np.asarray((split @ dictionary).transpose(1, 0, 2)[: len(pixels)])


def _estimates(shares: FloatArray, places: Integers, alpha: FloatArray) -> FloatArray:
    """Estimates [B, N, T] in [0, 1] from the shares [B, classes, T] of the classes of every mixture."""
    members = places[..., None] == np.arange(shares.shape[1])  # [B, N, classes]
    weight = (members * alpha[:, None]).sum(axis=1)[..., None]  # [B, classes, 1]
    return np.take_along_axis(shares / weight, places[..., None], axis=1).clip(0.0, 1.0)


def _as_pixels(images: ArrayLike, name: str) -> FloatArray:
    pixels = np.asarray(images, dtype=np.float64)
    if pixels.ndim != 2 or pixels.shape[1] == 0:
        raise ValueError(f"{name} have the shape {pixels.shape}: give flat rows [n, T]")
    faulty = int(np.count_nonzero(~(np.isfinite(pixels) & (pixels >= 0))))  # NaN is faulty too
    if faulty:
        raise ValueError(
            f"{name} hold {faulty} pixels that are negative or not finite: give pixels in [0, 1]"
        )
    return pixels


def _as_labels(labels: ArrayLike, classes: int) -> Integers:
    numbers = np.asarray(labels)
    if not np.issubdtype(numbers.dtype, np.integer) or (
        numbers.size and not 0 <= numbers.min() <= numbers.max() < classes
    ):
        raise ValueError(
            f"labels of type {numbers.dtype} from {numbers.min(initial=0)} to {numbers.max(initial=0)}: give "
            f"the indices 0 to {classes - 1} of {classes} classes"
        )
    return numbers.astype(np.int64)
