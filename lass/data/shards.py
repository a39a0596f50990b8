"""Division of work among jobs: which items belong to a shard, by the name that scattergather gives it."""

import re
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def shard_of(items: Sequence[Item], name: str) -> list[Item]:
    """Every M-th of `items` from the K-th on, for the shard named `K-of-M`; ValueError for another name."""
    match = re.fullmatch(r"([1-9]\d*)-of-([1-9]\d*)", name)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f"shard {name!r}: a name like '1-of-4' is needed")
    return list(items[int(match[1]) - 1 :: int(match[2])])
