"""Division of work among jobs: which items belong to a shard, by the name that scattergather gives it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def shard_of(items: Sequence[Item], name: str) -> list[Item]:
    """Every M-th of `items` from the K-th on, for the shard named `K-of-M`; ValueError for another name."""
    match = re.fullmatch(r"([1-9]\d*)-of-([1-9]\d*)", name)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f"shard {name!r}: a name like '1-of-4' is needed")
    return list(items[int(match[1]) - 1 :: int(match[2])])


def whole_shards(folder: Path, suffix: str) -> list[Path]:
    """Files `K-of-M` of this `suffix`: of whole sets in `folder` the newest; nothing where none is whole."""
    sets = defaultdict[int, list[Path]](list)
    for path in sorted(folder.glob(f"*-of-*{suffix}")):
        if number := re.fullmatch(r"\d+-of-(\d+)", path.stem):
            sets[int(number[1])].append(path)
    whole = [paths for number, paths in sets.items() if len(paths) == number]
    return max(whole, key=lambda paths: max(path.stat().st_mtime_ns for path in paths), default=[])
