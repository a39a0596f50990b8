"""Mixtures of images: each image as often as the others, never with itself; tables that can be trusted."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lass.data.images.library import ImageLibrary
from lass.data.pairs import (
    distinct_rows,
    draw_image_mixtures,
    load_images,
    mix_images,
    read_image_mixtures,
    write_image_mixtures,
)

CLASSES = ("zero", "one", "two")


def draw(images: int, *, count: int, sources: int = 2, seed: int = 0) -> pa.Table:
    return draw_image_mixtures(
        np.arange(images) % 3,
        classes=CLASSES,
        count=count,
        sources=sources,
        weights=[1 / sources] * sources,
        seed=seed,
    )


def rows_of(table: pa.Table) -> np.ndarray:
    return np.array(table["images"].to_pylist())


def make_library(images: int = 7) -> ImageLibrary:
    pixels = torch.arange(images * 4, dtype=torch.uint8).reshape(images, 1, 2, 2) * 5
    return ImageLibrary(pixels, np.arange(images) % 3, CLASSES)


def test_mix_by_hand() -> None:
    sources = np.array([[[1, 2], [10, 20]], [[0, 4], [8, 0]]], dtype=np.float32)
    mixed = mix_images(sources, np.array([0.5, 0.25]))
    assert mixed.dtype == np.float32
    assert mixed.tolist() == [[3.0, 6.0], [2.0, 2.0]]
    assert mix_images(sources, np.array([[0.5, 0.25], [1, 0]])).tolist() == [[3.0, 6.0], [0.0, 4.0]]


@pytest.mark.parametrize(
    ("images", "sources"), [(2, 2), (3, 2), (3, 3), (4, 3), (5, 3), (10, 2), (11, 4), (7, 1)]
)
def test_every_image_is_used_equally_often_and_never_with_itself(images: int, sources: int) -> None:
    rows = rows_of(draw(images, count=60, sources=sources))
    assert rows.shape == (60, sources)
    assert all(len(set(row)) == sources for row in rows.tolist())
    for count in range(1, 61):
        uses = np.bincount(rows[:count].ravel(), minlength=images)
        assert uses.max() - uses.min() <= 1


@pytest.mark.parametrize(("images", "sources"), [(5, 2), (11, 4), (40, 3)])
def test_the_first_of_a_longer_list_are_the_shorter_list(images: int, sources: int) -> None:
    longest = draw(images, count=50, sources=sources)
    for count in (1, 2, 7, 49):
        assert draw(images, count=count, sources=sources).equals(longest.slice(0, count))


def test_the_choice_depends_on_the_seed() -> None:
    assert draw(50, count=30).equals(draw(50, count=30))
    assert not draw(50, count=30).equals(draw(50, count=30, seed=1))
    first, second = np.split(rows_of(draw(50, count=50)), 2)
    assert not np.array_equal(first, second), "another permutation, not the same again"


def test_pairs_are_random() -> None:
    """Of 4 images all 12 ordered pairs are as likely, those that two permutations share included."""
    counts = Counter(
        tuple(row) for seed in range(800) for row in rows_of(draw(4, count=3, seed=seed)).tolist()
    )
    assert len(counts) == 12
    assert abs(np.array(list(counts.values())) - 200).max() < 70  # five standard deviations


def test_columns() -> None:
    table = draw(9, count=4)
    assert table["mixture"].to_pylist() == [0, 1, 2, 3]
    assert table["sources"].to_pylist() == [[CLASSES[row % 3] for row in pair] for pair in rows_of(table)]
    assert table["weights"].to_pylist() == [[0.5, 0.5]] * 4
    assert table.schema.metadata == {b"format": b"lass-image-mixtures", b"version": b"1"}


def test_six_thousand_mixtures_are_quick() -> None:
    library = ImageLibrary(torch.zeros(10_000, 1, 28, 28, dtype=torch.uint8), np.arange(10_000) % 3, CLASSES)
    draw(2, count=1)  # what is loaded on first use takes longer
    began = time.process_time()
    table = draw(10_000, count=6_000)
    loaded = load_images(library, table, range(500))
    assert time.process_time() - began < 2, "about 30 ms on an idle machine"
    assert loaded.sources.shape == (500, 2, 784)
    uses = np.bincount(rows_of(table).ravel())
    assert Counter(uses.tolist()) == {1: 8_000, 2: 2_000}, "one and a fifth permutations"


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="3 sources out of 2 images"):
        draw(2, count=1, sources=3)
    with pytest.raises(ValueError, match="2 sources out of 0 images"):
        draw(0, count=1)
    with pytest.raises(ValueError, match="0 mixtures of 2 images"):
        draw(5, count=0)
    with pytest.raises(ValueError, match=r"2 images with weights \[1\]: .*one weight per image"):
        draw_image_mixtures(np.zeros(4), classes=["a"], count=1, sources=2, weights=[1], seed=0)
    with pytest.raises(ValueError, match="labels from 0 to 1 do not fit 1 classes"):
        draw_image_mixtures(np.array([0, 1]), classes=["a"], count=1, sources=2, weights=[0.5, 0.5], seed=0)


def test_images_of_a_table() -> None:
    library, table = make_library(), draw(7, count=5)
    loaded = load_images(library, table, [3, 0])
    pairs = rows_of(table)[[3, 0]]
    assert loaded.items == [3, 0]
    np.testing.assert_array_equal(loaded.labels, pairs % 3)
    assert loaded.sources.dtype == loaded.mixtures.dtype == np.float32
    assert loaded.labels.dtype == np.int64
    expected = np.stack([library.read(pair) for pair in pairs])
    np.testing.assert_array_equal(loaded.sources, expected)
    np.testing.assert_allclose(loaded.mixtures, expected.mean(axis=1), rtol=1e-6)
    alone = load_images(library, table, [0])
    np.testing.assert_array_equal(alone.mixtures[0], loaded.mixtures[1])


def test_a_table_of_another_library() -> None:
    table = draw(7, count=7)
    with pytest.raises(
        ValueError, match=r"name images \d to 6, but the split has 5: draw the mixtures again"
    ):
        load_images(make_library(5), table, range(7))
    other = ImageLibrary(make_library().pixels, np.zeros(7, dtype=np.int64), CLASSES)
    with pytest.raises(ValueError, match=r"is of class 'zero', but the mixtures say '(one|two)'"):
        load_images(other, table, range(7))
    with pytest.raises(ValueError, match="give at least one"):
        load_images(make_library(), table, [])


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    with pytest.raises(FileNotFoundError, match=r"m\.parquet"):
        read_image_mixtures(path)
    table = draw(7, count=5)
    write_image_mixtures(path, table)
    assert read_image_mixtures(path).equals(table)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"m\.parquet: truncated"):
        read_image_mixtures(path)
    pq.write_table(pa.table({"mixture": [1]}), path)
    with pytest.raises(ValueError, match=r"m\.parquet: columns \['mixture'\] are no table of image mixtures"):
        read_image_mixtures(path)
    pq.write_table(table.replace_schema_metadata({"format": "lass-image-mixtures", "version": "2"}), path)
    with pytest.raises(ValueError, match="version 1"):
        read_image_mixtures(path)


# --- random tuples ---


def test_tuples_of_different_rows_are_equally_likely() -> None:
    rows = distinct_rows(np.random.default_rng(0), images=4, count=4800, sources=3)
    counts = Counter(map(tuple, rows.tolist()))
    assert len(counts) == 24
    assert all(len(set(row)) == 3 for row in counts)
    assert abs(np.array(list(counts.values())) - 200).max() < 70  # five standard deviations


def test_tuples_of_all_rows() -> None:
    rows = distinct_rows(np.random.default_rng(0), images=5, count=100, sources=5)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(np.arange(5), (100, 1)))
    with pytest.raises(ValueError, match="3 sources out of 2 images"):
        distinct_rows(np.random.default_rng(0), images=2, count=1, sources=3)
