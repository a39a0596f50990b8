"""Estimated sources: what a method made of the mixtures of one shard."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lass.settings import Computed
from lass.storage import damaged, interpreting, read_arrays, read_header, write_tensors

FORM = "lass.estimates"
VERSION = 2  # 1: nothing about precision and device


def write_estimates(
    path: Path, *, items: Sequence[int], estimates: np.ndarray, computed: Sequence[Computed]
) -> None:
    """Write `estimates` [n, N, T] float32 of the sources x_n of the mixtures with the numbers `items`.

    The header says how each step behind them was `computed`; what repeats stands there once.
    ValueError where there is not one estimate for each of different items, or one holds NaN or infinity.
    """
    values, numbers = np.asarray(estimates, dtype=np.float32), np.asarray(items, dtype=np.int64)
    if values.ndim != 3 or len(values) != len(numbers):
        raise ValueError(
            f"{path}: estimates of shape {values.shape} for {len(numbers)} mixtures; give [n, N, T], one each"
        )
    if len(np.unique(numbers)) != len(numbers):
        raise ValueError(f"{path}: mixtures {list(items)} repeat; give each once")
    if not np.isfinite(values).all():
        bad = numbers[~np.isfinite(values).all(axis=(1, 2))][0]
        raise ValueError(f"{path}: NaN or infinity in the estimate of mixture {bad}; look for what made it")
    fields = {"computed": [each.model_dump() for each in dict.fromkeys(computed)]}
    write_tensors(path, {"items": numbers, "estimates": values}, form=FORM, version=VERSION, fields=fields)


def read_computed(paths: Iterable[Path]) -> list[Computed]:
    """How the estimates of all shards in `paths` were computed: each way once, in order of appearance.

    Raises FileNotFoundError or ValueError, naming the file, where one is missing, damaged or no file of
    estimates.
    """
    ways: list[Computed] = []
    for path in paths:
        header = read_header(path, form=FORM, version=VERSION)
        if "computed" not in header:
            raise damaged(path, "its header does not say how it was computed")
        with interpreting(path):
            ways += [Computed(**way) for way in header["computed"]]
    return list(dict.fromkeys(ways))


def read_estimates(paths: Iterable[Path]) -> dict[int, np.ndarray]:
    """Estimates [N, T] float32 of all shards in `paths`, by the number of the mixture in ascending order.

    Raises FileNotFoundError or ValueError, naming the file, where one is missing, damaged, no file of
    estimates, or repeats a mixture of another.
    """
    found: dict[int, np.ndarray] = {}
    for path in paths:
        read_header(path, form=FORM, version=VERSION)
        tensors = read_arrays(path)
        if tensors.keys() != {"items", "estimates"}:
            raise damaged(path, f"it holds {sorted(tensors)}")
        numbers, estimates = tensors["items"].tolist(), tensors["estimates"]
        if tensors["items"].ndim != 1 or estimates.ndim != 3 or len(numbers) != len(estimates):
            raise damaged(path, f"items {tensors['items'].shape}, estimates {estimates.shape}")
        if estimates.dtype != np.float32 or not np.isfinite(estimates).all():
            raise damaged(path, f"estimates of {estimates.dtype}, or one that holds NaN or infinity")
        if tensors["items"].dtype != np.int64 or len(set(numbers)) != len(numbers):
            raise damaged(path, "its numbers of mixtures are no integers, or repeat")
        repeated = found.keys() & set(numbers)
        if repeated:
            raise ValueError(
                f"{path}: mixture {min(repeated)} is in another of the files, too; give each shard once"
            )
        found |= dict(zip(numbers, estimates, strict=True))
    return {number: found[number] for number in sorted(found)}


def computed_by_method(paths: Iterable[Path]) -> dict[str, list[dict[str, str]]]:
    """How the estimates of every method were computed, whose shards are in the folder of its name."""
    shards: dict[str, list[Path]] = {}
    for path in paths:
        shards.setdefault(path.parent.name, []).append(path)
    return {name: [way.model_dump() for way in read_computed(own)] for name, own in shards.items()}


def estimates_in_batches(paths: Iterable[Path], *, at_once: int) -> Iterator[np.ndarray]:
    """All estimates of all shards in `paths` as rows [n, T], of at most `at_once` mixtures a time.

    One shard after the other is held in memory. ValueError as of `read_estimates`, within a shard.
    """
    for path in paths:
        estimates = list(read_estimates([path]).values())
        for begin in range(0, len(estimates), at_once):
            part = np.stack(estimates[begin : begin + at_once])
            yield part.reshape(-1, part.shape[-1])
