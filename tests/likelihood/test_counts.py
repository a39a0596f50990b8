"""Counting: against a dense count by brute force, over shards, and with wrong input."""

from collections.abc import Callable
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lass.likelihood import keys
from lass.likelihood.counts import (
    SparseCounts,
    TupleCounter,
    merge_counts,
    read_counts,
    write_counts,
)
from lass.likelihood.merging import merge_to_likelihood
from tests.likelihood.dense import count, dense_counts, draw_codes, to_dense


@pytest.mark.parametrize(("sources", "codebook_size"), [(2, 1), (2, 2), (2, 9), (3, 2), (3, 5), (4, 3)])
@pytest.mark.parametrize("buffer", [1, 7, 10_000])
def test_counts_equal_the_dense_count(sources: int, codebook_size: int, buffer: int) -> None:
    codes, mixture = draw_codes(sources=sources, codebook_size=codebook_size, positions=600, seed=1)
    found = count(codes, mixture, codebook_size=codebook_size, buffer=buffer)
    np.testing.assert_array_equal(
        to_dense(found), dense_counts(codes, mixture, codebook_size=codebook_size), strict=True
    )
    assert found.counts.sum() == factorial(sources) * mixture.size
    assert (np.diff(found.keys) > 0).all()
    assert (found.counts > 0).all()


def test_a_pair_counts_in_both_orders_and_twice_when_its_codes_are_equal() -> None:
    found = count(np.array([[0, 2, 2], [1, 2, 2]]), np.array([1, 0, 0]), codebook_size=3)
    # F[m=0, 2, 2] = 4; F[m=1, 0, 1] = F[m=1, 1, 0] = 1; keys are (m * 3 + z_1) * 3 + z_2
    assert found.keys.tolist() == [8, 9 + 1, 9 + 3]
    assert found.counts.tolist() == [4, 1, 1]


def test_pairs_in_the_order_of_their_classes_count_once() -> None:
    counter = TupleCounter(codebook_size=3, sources=2, symmetric=False, buffer=2)
    counter.add(np.array([[2, 0, 2, 2], [1, 2, 1, 2]]), np.array([1, 0, 1, 0]))
    counts = to_dense(counter.counts())  # F[m, z_1, z_2]
    assert counts[1, 2, 1] == 2
    assert counts[0, 0, 2] == counts[0, 2, 2] == 1
    assert counts.sum() == 4


def test_ordered_counts_are_kept_apart_from_symmetric_ones(tmp_path: Path) -> None:
    codes, mixture = np.array([[0, 1], [1, 1]]), np.array([0, 1])
    parts = []
    for symmetric in (True, False):
        counter = TupleCounter(codebook_size=2, sources=2, symmetric=symmetric)
        counter.add(codes, mixture)
        write_counts(tmp_path / f"{symmetric}.safetensors", counter.counts())
        parts.append(read_counts(tmp_path / f"{symmetric}.safetensors"))
    assert [part.symmetric for part in parts] == [True, False]
    with pytest.raises(
        ValueError, match="symmetric = False cannot be added to counts with K = 2, N = 2, symm"
    ):
        merge_counts(parts)
    with pytest.raises(ValueError, match="made for symmetric = True, but symmetric = False is needed"):
        merge_to_likelihood(sorted(tmp_path.iterdir()), tmp_path / "table", memory=10**6)


def test_a_triple_with_two_equal_codes_counts_twice_in_each_of_three_orders() -> None:
    found = to_dense(count(np.array([[1], [0], [1]]), np.array([2]), codebook_size=3))
    assert found[2, 0, 1, 1] == found[2, 1, 0, 1] == found[2, 1, 1, 0] == 2
    assert found.sum() == 6


def test_duplicates_in_one_batch_all_count() -> None:
    found = count(np.zeros((2, 50), dtype=np.int64), np.zeros(50, dtype=np.int64), codebook_size=4)
    assert found.counts.tolist() == [100]


@pytest.mark.parametrize("slab", [1, 40, 1 << 18])
def test_expansion_does_not_depend_on_the_slab(slab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_SLAB", slab)
    codes, mixture = draw_codes(sources=3, codebook_size=6, positions=900, seed=2)
    expected = dense_counts(codes, mixture, codebook_size=6)
    np.testing.assert_array_equal(to_dense(count(codes, mixture, codebook_size=6)), expected)


def test_shapes_and_integer_types_of_the_codes_do_not_matter() -> None:
    codes, mixture = draw_codes(sources=2, codebook_size=200, positions=120, seed=3)
    expected = count(codes, mixture, codebook_size=200)
    for dtype in (np.uint8, np.uint16, np.int32, np.uint64):
        found = count(
            codes.reshape(2, 3, 40).astype(dtype), mixture.reshape(3, 40).astype(dtype), codebook_size=200
        )
        np.testing.assert_array_equal(found.keys, expected.keys, strict=True)
        np.testing.assert_array_equal(found.counts, expected.counts, strict=True)


def test_keys_close_to_their_bound_are_counted() -> None:
    size = 2**21 - 1  # size^3 is just below 2^63
    top = size - 1
    found = count(np.full((2, 3), top), np.full(3, top), codebook_size=size)
    assert found.keys.tolist() == [size**3 - 1]
    assert found.counts.tolist() == [6]


def test_blocks_and_merges_of_many_runs_are_exact() -> None:
    codes, mixture = draw_codes(sources=2, codebook_size=40, positions=150_000, seed=4)
    found = count(codes, mixture, codebook_size=40, buffer=5_000)
    np.testing.assert_array_equal(to_dense(found), dense_counts(codes, mixture, codebook_size=40))


def test_counting_goes_on_after_the_counts_were_read() -> None:
    codes, mixture = draw_codes(sources=2, codebook_size=5, positions=80, seed=5)
    counter = TupleCounter(codebook_size=5, sources=2, buffer=16)
    counter.add(codes[:, :33], mixture[:33])
    early = counter.counts()
    expected_early = dense_counts(codes[:, :33], mixture[:33], codebook_size=5)
    counter.add(codes[:, 33:], mixture[33:])
    np.testing.assert_array_equal(to_dense(counter.counts()), dense_counts(codes, mixture, codebook_size=5))
    np.testing.assert_array_equal(to_dense(early), expected_early)


@pytest.mark.parametrize("sources", [2, 3])
def test_the_file_does_not_depend_on_the_shards(sources: int, tmp_path: Path) -> None:
    codes, mixture = draw_codes(sources=sources, codebook_size=7, positions=500, seed=6)
    files = []
    for shards in (1, 2, 5):
        for buffer in (11, 1000):
            parts = [
                count(codes[:, s::shards], mixture[s::shards], codebook_size=7, buffer=buffer)
                for s in range(shards)
            ]
            path = tmp_path / f"{shards}_{buffer}.safetensors"
            write_counts(path, merge_counts(reversed(parts)))
            files.append(path.read_bytes())
    assert len(set(files)) == 1


def test_merging_adds_leaves_its_parts_alone_and_takes_them_one_by_one() -> None:
    codes, mixture = draw_codes(sources=2, codebook_size=6, positions=90, seed=7)
    parts = [count(codes[:, s::3], mixture[s::3], codebook_size=6) for s in range(3)]
    before = [to_dense(part) for part in parts]
    merged = merge_counts(part for part in parts)
    np.testing.assert_array_equal(to_dense(merged), sum(before))
    for part, dense in zip(parts, before, strict=True):
        np.testing.assert_array_equal(to_dense(part), dense)
    empty = TupleCounter(codebook_size=6, sources=2).counts()
    np.testing.assert_array_equal(to_dense(merge_counts([empty, merged, empty])), to_dense(merged))


@pytest.mark.parametrize("positions", [0, 300])
def test_a_written_file_reads_back(positions: int, tmp_path: Path) -> None:
    path = tmp_path / "counts.safetensors"
    written = count(*draw_codes(sources=3, codebook_size=4, positions=positions, seed=8), codebook_size=4)
    write_counts(path, written)
    found = read_counts(path, codebook_size=4, sources=3)
    np.testing.assert_array_equal(found.keys, written.keys, strict=True)
    np.testing.assert_array_equal(found.counts, written.counts, strict=True)
    assert (found.codebook_size, found.sources) == (4, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "counts.safetensors"
    counts = count(*draw_codes(sources=2, codebook_size=4, positions=9, seed=9), codebook_size=4)
    write_counts(path, counts)
    before = path.read_bytes()

    def fail(_: object, path: Path, **_header: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("lass.storage.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        write_counts(path, merge_counts([counts, counts]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"codebook_size": 2**21, "sources": 2}, r"K = 2097152, N = 2: .* below 2\^63"),
        ({"codebook_size": 2**16, "sources": 3}, r"K = 65536, N = 3: .* below 2\^63"),
        ({"codebook_size": 8, "sources": 1}, "N = 1"),
        ({"codebook_size": 0, "sources": 2}, "K = 0"),
        ({"codebook_size": 8, "sources": 2, "buffer": 0}, "buffer = 0"),
    ],
)
def test_sizes_out_of_bounds_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TupleCounter(**sizes)


@pytest.mark.parametrize(
    ("sources", "mixture", "message"),
    [
        ([[0, 1], [1, 4]], [0, 0], r"source code 4 lies outside \[0, 4\)"),
        ([[0, 1], [1, -2]], [0, 0], "source code -2 lies outside"),
        ([[0, 1], [1, 1]], [7, 0], "mixture code 7 lies outside"),
        ([[0, 1], [1, 1]], [0], r"sources of shape \(2, 2\) do not fit"),
        ([[0, 1]], [0, 0], "do not fit N = 2"),
        ([[0.0, 1.0], [1.0, 1.0]], [0, 0], "source codes are float64"),
        ([[0, 1], [1, 1]], [True, False], "mixture codes are bool"),
    ],
)
def test_wrong_codes_are_refused_and_nothing_is_counted(
    sources: list[list[int]], mixture: list[int], message: str
) -> None:
    counter = TupleCounter(codebook_size=4, sources=2)
    with pytest.raises(ValueError, match=message):
        counter.add(np.array(sources), np.array(mixture))
    assert counter.counts().keys.size == 0


def test_merging_nothing_or_other_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one shard"):
        merge_counts([])
    small, large = (TupleCounter(codebook_size=k, sources=2).counts() for k in (4, 5))
    with pytest.raises(
        ValueError, match="K = 5, N = 2, symmetric = True cannot be added to counts with K = 4, N = 2"
    ):
        merge_counts([small, large])


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    save_file({"keys": np.zeros(1, dtype=np.int64)}, path)


def _other_version(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'\\"version\\": 1', b'\\"version\\": 9'))


def _other_form(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"lass.counts", b"lass.prices"))


def _unsorted(path: Path) -> None:
    write_counts(path, SparseCounts(np.array([3, 1]), np.array([1, 1]), codebook_size=4, sources=2))


def _zero_count(path: Path) -> None:
    write_counts(path, SparseCounts(np.array([1, 3]), np.array([1, 0]), codebook_size=4, sources=2))


def _floats(path: Path) -> None:
    write_counts(path, SparseCounts(np.array([1, 3]), np.array([1.0, 2.0]), codebook_size=4, sources=2))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "damaged or truncated .* make it again"),
        (_cut_header, "damaged or truncated"),
        (_empty, "damaged or truncated"),
        (_foreign, "tensors that lass did not write"),
        (_other_version, "format 'lass.counts' version 9 cannot be read here"),
        (_other_form, "format 'lass.prices'"),
        (_unsorted, "keys are not increasing"),
        (_zero_count, "count is below one"),
        (_floats, "not integers"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "counts.safetensors"
    write_counts(path, count(*draw_codes(sources=2, codebook_size=4, positions=9, seed=9), codebook_size=4))
    damage(path)
    with pytest.raises(ValueError, match=rf"counts\.safetensors: .*{message}"):
        read_counts(path)


def test_a_file_of_other_sizes_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.safetensors"
    write_counts(path, TupleCounter(codebook_size=4, sources=2).counts())
    with pytest.raises(ValueError, match=r"counts\.safetensors: made for codebook_size = 4, but .* = 8"):
        read_counts(path, codebook_size=8)
    with pytest.raises(ValueError, match=r"made for sources = 2, but sources = 3"):
        read_counts(path, sources=3)
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors: no such file"):
        read_counts(tmp_path / "absent.safetensors")
