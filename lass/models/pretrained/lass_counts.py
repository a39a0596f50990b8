"""The table of counts that the authors of LASS publish, as the likelihood of a model.

The file is an archive of arrays: the entries of a sparse tensor F[z_1, z_2, m] by their coordinates. Both
orders of the sources were counted, as they are here (`lass.likelihood.counts`).
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lass.likelihood.counts import SparseCounts
from lass.likelihood.keys import Integers, encode_keys
from lass.likelihood.settings import Counted
from lass.likelihood.tensor import build_likelihood, write_likelihood
from lass.models.pretrained.pickles import check_page
from lass.models.pretrained.registry import LASS_LICENCE
from lass.models.pretrained.stored import LIKELIHOOD, check_files, codebook_beside, identity_of, source_of

KIND = "lass-counts"
WEIGHT = 0.5
"""alpha of either source in the mixtures that were counted."""

_ENTRIES = ("data", "shape", "coords", "fill_value")


def import_lass_counts(files: Sequence[Path], out: Path, *, classes: Sequence[str]) -> Path:
    """Write the likelihood of the counts (`sum_frequencies.npz`) into the model's folder `out`.

    It is of the codec that is in the folder already, and of two sources of `classes`, or drawn from them.
    """
    path = check_files(files, KIND)
    if len(classes) < 2:
        raise ValueError(f"classes {list(classes)}: the counts are of two sources; give the class of either")
    codebook = codebook_beside(out)
    counts = read_public_counts(path, codebook_size=len(codebook))
    counted = Counted(
        codebook=identity_of(codebook),
        sources=tuple(classes),
        weights=(WEIGHT, WEIGHT),
        tuples=int(counts.counts.sum()) // 2,  # every tuple was counted in both orders
    )
    write_likelihood(
        out / LIKELIHOOD,
        build_likelihood(counts),
        counted=counted,
        provenance=source_of(path, LASS_LICENCE),
    )
    return out / LIKELIHOOD


def read_public_counts(path: Path, *, codebook_size: int) -> SparseCounts:
    """The counts of the archive at `path`.

    FileNotFoundError or ValueError, naming the file, where it is no such archive, of another codebook size,
    or its counts are no positive integers, stand there twice, or differ between the orders of the sources.
    """
    arrays = read_entries(path)
    shape = tuple(arrays["shape"].tolist())
    if shape != (codebook_size,) * 3:
        raise ValueError(
            f"{path}: counts of shape {shape} do not fit a codec of {codebook_size} codes; import the codec "
            "that they were counted with"
        )
    data, coords = arrays["data"], arrays["coords"]
    check_numbers(path, data, coords, arrays["fill_value"], codebook_size=codebook_size)
    kept = data > 0
    first, second, mixture = (row[kept] for row in coords)
    keys, counts = in_order(first, second, mixture, data[kept], codebook_size)
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if twice.size:
        raise ValueError(f"{path}: {twice.size} entries stand there twice; download it again")
    mirrored = in_order(second, first, mixture, data[kept], codebook_size)
    if not (np.array_equal(keys, mirrored[0]) and np.array_equal(counts, mirrored[1])):
        raise ValueError(
            f"{path}: F[z_1, z_2, m] differs from F[z_2, z_1, m]: counts of one order of the sources are not "
            "what was published"
        )
    return SparseCounts(keys, counts, codebook_size, sources=2, symmetric=True)


def read_entries(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the archive; nothing is unpickled."""
    check_page(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _ENTRIES if name not in archive.files]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}")
            return {name: archive[name] for name in _ENTRIES}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: is no sparse tensor of counts, or cut off ({error}); download it again"
        ) from error


def check_numbers(
    path: Path, data: NDArray[Any], coords: NDArray[Any], fill: NDArray[Any], *, codebook_size: int
) -> None:
    """ValueError where the arrays cannot be counts at places in the tensor."""
    if data.ndim != 1 or coords.shape != (3, data.size):
        raise ValueError(f"{path}: data {data.shape} and coords {coords.shape}: expected [n] and [3, n]")
    for name, array in (("data", data), ("coords", coords)):
        if array.dtype.kind not in "iu":
            raise ValueError(f"{path}: {name} are {array.dtype}; counts are integers")
    if fill.size != 1 or fill.item() != 0:
        raise ValueError(f"{path}: what is not counted is {fill} instead of 0")
    if data.size and data.min() < 0:
        raise ValueError(f"{path}: a count is {data.min()}; counts are not negative")
    if data.size and (coords.min() < 0 or coords.max() >= codebook_size):
        raise ValueError(f"{path}: codes from {coords.min()} to {coords.max()} of {codebook_size}")


def in_order(
    first: NDArray[Any], second: NDArray[Any], mixture: NDArray[Any], data: NDArray[Any], codebook_size: int
) -> tuple[Integers, Integers]:
    """Ascending keys and their counts."""
    keys = encode_keys((first, second), mixture, codebook_size=codebook_size)
    order = np.argsort(keys, kind="stable")
    return keys[order], data[order].astype(np.int64)
