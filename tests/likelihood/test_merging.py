"""Merging out of core: the bytes of the merge in memory, whatever the memory."""

from pathlib import Path

import numpy as np
import pytest

from lass.likelihood import merging
from lass.likelihood.counts import SparseCounts, merge_counts, read_counts, write_counts
from lass.likelihood.merging import merge_to_likelihood
from lass.likelihood.tensor import build_likelihood, read_likelihood, write_likelihood
from lass.storage import write_tensors
from tests.likelihood.dense import count, draw_codes


def write_shards(folder: Path, *, sources: int, size: int, shards: int, positions: int) -> list[Path]:
    paths = []
    for shard in range(shards):
        codes, mixed = draw_codes(sources=sources, codebook_size=size, positions=positions, seed=shard)
        path = folder / f"{shard}.safetensors"
        write_counts(path, count(codes, mixed, codebook_size=size))
        paths.append(path)
    return paths


@pytest.mark.parametrize(("sources", "size"), [(2, 3), (2, 40), (3, 9)])
@pytest.mark.parametrize("least", [40, 200, 1 << 16])
def test_the_bytes_are_those_of_the_merge_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: int, size: int, least: int
) -> None:
    monkeypatch.setattr(merging, "LEAST", least)
    shards = write_shards(tmp_path, sources=sources, size=size, shards=3, positions=150)
    merged = merge_to_likelihood(shards, tmp_path / "disk.safetensors", memory=0)
    counts = merge_counts(read_counts(path) for path in shards)
    write_likelihood(tmp_path / "memory.safetensors", build_likelihood(counts))
    assert (tmp_path / "disk.safetensors").read_bytes() == (tmp_path / "memory.safetensors").read_bytes()
    assert (merged.entries, merged.total) == (len(counts.keys), counts.counts.sum())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("0.safetensors", "1.safetensors", "2.safetensors", "disk.safetensors", "memory.safetensors")
    ]


def test_no_more_entries_are_held_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "LEAST", 50)
    shards, size, sources = merging.open_shards(
        write_shards(tmp_path, sources=2, size=30, shards=3, positions=400)
    )
    pieces = list(merging.add_up(shards, bound=size ** (sources + 1), at_once=50))
    assert max(len(keys) for keys, _ in pieces) <= 50
    keys = np.concatenate([keys for keys, _ in pieces])
    assert (np.diff(keys) > 0).all()
    assert sum(counts.sum() for _, counts in pieces) == sum(shard.counts.sum() for shard in shards)


def test_buckets_are_even_where_keys_are_not() -> None:
    for keys in (np.arange(100_000), np.arange(100_000) * 4096, np.arange(100_000) ** 2):
        sizes = np.bincount(merging.bucket_of(keys, 7), minlength=7)
        assert sizes.min() > 0.9 * len(keys) / 7


def test_a_shard_without_tuples_changes_nothing(tmp_path: Path) -> None:
    (shard,) = write_shards(tmp_path, sources=2, size=5, shards=1, positions=50)
    nothing = tmp_path / "none.safetensors"
    write_counts(nothing, SparseCounts(np.empty(0, np.int64), np.empty(0, np.int64), 5, 2))
    merge_to_likelihood([shard], tmp_path / "a.safetensors", memory=0)
    merge_to_likelihood([nothing, shard], tmp_path / "b.safetensors", memory=0)
    merge_to_likelihood([nothing], tmp_path / "c.safetensors", memory=0)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert len(read_likelihood(tmp_path / "c.safetensors").log_likelihood) == 0


def test_parts_that_cannot_be_merged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no counts to merge"):
        merge_to_likelihood([], tmp_path / "out.safetensors", memory=0)
    (tmp_path / "other").mkdir()
    (one,) = write_shards(tmp_path, sources=2, size=5, shards=1, positions=50)
    (other,) = write_shards(tmp_path / "other", sources=2, size=6, shards=1, positions=50)
    with pytest.raises(ValueError, match="made for codebook_size = 6, but codebook_size = 5 is needed"):
        merge_to_likelihood([one, other], tmp_path / "out.safetensors", memory=0)
    with pytest.raises(FileNotFoundError, match="absent"):
        merge_to_likelihood([tmp_path / "absent.safetensors"], tmp_path / "out.safetensors", memory=0)


@pytest.mark.parametrize(
    ("keys", "counts"), [([3, 2], [1, 1]), ([-1, 2], [1, 1]), ([1, 125], [1, 1]), ([1, 2], [1, 0])]
)
@pytest.mark.parametrize("least", [1, 100])
def test_a_damaged_shard_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[int], counts: list[int], least: int
) -> None:
    monkeypatch.setattr(merging, "LEAST", least)
    path = tmp_path / "damaged.safetensors"
    tensors = {"keys": np.array(keys), "counts": np.array(counts)}
    fields = {"codebook_size": 5, "sources": 2, "symmetric": True}
    write_tensors(path, tensors, form="lass.counts", version=1, fields=fields)
    with pytest.raises(ValueError, match=r"damaged\.safetensors: damaged"):
        merge_to_likelihood([path], tmp_path / "out.safetensors", memory=0)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.safetensors"]
