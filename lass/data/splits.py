"""A validation split out of the training data, where a data set comes without one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def folder_of_split(root: Path, split: str, *, held_out: int | None, layout: str) -> Path:
    """The folder of `root` that the split `split` is read from: `train` for what is held out of it.

    FileNotFoundError where there is none.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder: set `root` to a folder laid out as {layout}")
    folder = root / split
    if not folder.is_dir() and split == "validation":
        if held_out is None:
            raise FileNotFoundError(
                f"{root} has no folder 'validation': add it, laid out as {layout}, or set `held_out` to the "
                "number of training items that take its place"
            )
        folder = root / "train"
    if not folder.is_dir():
        raise FileNotFoundError(f"{root} has no folder {folder.name!r}: lay it out as {layout}")
    return folder


def part_of_split(items: Sequence[Item], root: Path, split: str, *, held_out: int | None) -> list[Item]:
    """Those of `items` that belong to `split`, where they are what `folder_of_split` holds.

    Where `root` has no folder `validation`, `held_out` of train's items, evenly spread, are that split, and
    train is the rest. ValueError where that leaves nothing.
    """
    if held_out is None or split not in ("train", "validation") or (root / "validation").is_dir():
        return list(items)
    if not 0 < held_out < len(items):
        raise ValueError(
            f"held_out is {held_out}, but from 1 to {len(items) - 1} of the {len(items)} training items in "
            f"{root} can be held out"
        )
    chosen = {(2 * number + 1) * len(items) // (2 * held_out) for number in range(held_out)}
    return [item for row, item in enumerate(items) if (row in chosen) == (split == "validation")]
