"""Which images are mixed: each as often as the others, never with itself, and any tuple as likely."""

from collections import Counter

import numpy as np
import pytest

from lass.data.images.choices import distinct_rows, permuted_rows


def draw(images: int, *, count: int, sources: int = 2, seed: int = 0) -> np.ndarray:
    return permuted_rows(images, count=count, sources=sources, seed=seed)


@pytest.mark.parametrize(
    ("images", "sources"), [(2, 2), (3, 2), (3, 3), (4, 3), (5, 3), (10, 2), (11, 4), (7, 1)]
)
def test_every_image_is_used_equally_often_and_never_with_itself(images: int, sources: int) -> None:
    rows = draw(images, count=60, sources=sources)
    assert rows.shape == (60, sources)
    assert all(len(set(row)) == sources for row in rows.tolist())
    for count in range(1, 61):
        uses = np.bincount(rows[:count].ravel(), minlength=images)
        assert uses.max() - uses.min() <= 1


@pytest.mark.parametrize(("images", "sources"), [(5, 2), (11, 4), (40, 3)])
def test_the_first_of_a_longer_list_are_the_shorter_list(images: int, sources: int) -> None:
    longest = draw(images, count=50, sources=sources)
    for count in (1, 2, 7, 49):
        np.testing.assert_array_equal(draw(images, count=count, sources=sources), longest[:count])


def test_the_choice_depends_on_the_seed() -> None:
    np.testing.assert_array_equal(draw(50, count=30), draw(50, count=30))
    assert not np.array_equal(draw(50, count=30), draw(50, count=30, seed=1))
    first, second = np.split(draw(50, count=50), 2)
    assert not np.array_equal(first, second), "another permutation, not the same again"


def test_pairs_are_random() -> None:
    """Of 4 images all 12 ordered pairs are as likely, those that two permutations share included."""
    counts = Counter(tuple(row) for seed in range(800) for row in draw(4, count=3, seed=seed).tolist())
    assert len(counts) == 12
    assert abs(np.array(list(counts.values())) - 200).max() < 70  # five standard deviations


def test_more_mixtures_than_images() -> None:
    uses = np.bincount(draw(10_000, count=6_000).ravel())
    assert Counter(uses.tolist()) == {1: 8_000, 2: 2_000}, "one and a fifth permutations"


def test_choices_are_those_they_always_were() -> None:
    """The draws behind every published number: permutations of (seed, number)."""
    first, second = (np.random.default_rng((3, number)).permutation(8) for number in range(2))
    np.testing.assert_array_equal(draw(8, count=8, seed=3).ravel(), [*first, *second])


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="3 sources out of 2 images"):
        draw(2, count=1, sources=3)
    with pytest.raises(ValueError, match="2 sources out of 0 images"):
        draw(0, count=1)


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
