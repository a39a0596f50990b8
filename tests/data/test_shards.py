"""Shards are a partition: every item in exactly one of them."""

import os
from pathlib import Path

import pytest

from lass.data.shards import shard_of, whole_shards


@pytest.mark.parametrize("items", [0, 1, 7, 8])
@pytest.mark.parametrize("number", [1, 2, 3, 8, 11])
def test_shards_are_a_partition(items: int, number: int) -> None:
    shards = [shard_of(range(items), f"{index}-of-{number}") for index in range(1, number + 1)]
    assert sorted(item for shard in shards for item in shard) == list(range(items))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_shard_keeps_the_order() -> None:
    assert shard_of("abcdefg", "2-of-3") == ["b", "e"]


@pytest.mark.parametrize("name", ["", "1", "0-of-2", "3-of-2", "1-of-0", "1-of-2-of-3", "a-of-b", "-1-of-2"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name like '1-of-4'"):
        shard_of([1, 2], name)


def test_the_newest_whole_set_of_shards(tmp_path: Path) -> None:
    assert whole_shards(tmp_path, ".csv") == []
    for index, name in enumerate(("1-of-1.csv", "1-of-2.csv", "2-of-2.safetensors")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (index, index))
    assert whole_shards(tmp_path, ".csv") == [tmp_path / "1-of-1.csv"], "half a set beside it is none"
    (tmp_path / "2-of-2.csv").touch()
    assert whole_shards(tmp_path, ".csv") == [tmp_path / "1-of-2.csv", tmp_path / "2-of-2.csv"]
