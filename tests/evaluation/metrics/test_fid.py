"""The Frechet distance: closed forms, the published formula, and one pass against all features at once."""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from lass.evaluation.metrics.fid import (
    FeatureStatistics,
    FloatArray,
    frechet_distance,
    pictures_of,
    read_statistics,
    statistics_of,
    symmetric_root,
    write_statistics,
)


def draw(number: int, width: int, *, seed: int) -> FloatArray:
    """Features [number, width] that are not independent of each other, far from zero."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((width, width))
    return np.asarray(rng.standard_normal((number, width)) @ mixing + 10 * rng.standard_normal(width))


def whole(features: FloatArray) -> FeatureStatistics:
    """All at once, by numpy."""
    return FeatureStatistics(features.mean(axis=0), np.cov(features, rowvar=False))


def by_the_formula(one: FeatureStatistics, other: FeatureStatistics) -> float:
    """The published formula word by word: a matrix root of the product, which is not symmetric."""
    root = scipy.linalg.sqrtm(one.covariance @ other.covariance)
    difference = one.mean - other.mean
    traces = np.trace(one.covariance) + np.trace(other.covariance) - 2 * np.trace(np.real(root))
    return float(difference @ difference + traces)


# --- the distance ---


@pytest.mark.parametrize(("width", "seed"), [(2, 0), (5, 1), (12, 2), (40, 3)])
def test_it_is_the_published_formula(width: int, seed: int) -> None:
    one, other = (whole(draw(3 * width, width, seed=10 * seed + part)) for part in range(2))
    assert frechet_distance(one, other) == pytest.approx(by_the_formula(one, other), rel=1e-6)
    assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-9)


def test_equal_covariances_leave_the_means() -> None:
    covariance = whole(draw(30, 4, seed=0)).covariance
    one = FeatureStatistics(np.array([1.0, 2.0, 3.0, 4.0]), covariance)
    other = FeatureStatistics(np.array([1.0, 4.0, 0.0, 4.0]), covariance)
    assert frechet_distance(one, other) == pytest.approx(4 + 9)


def test_diagonal_covariances() -> None:
    """The sum of the squared differences of the deviations."""
    one = FeatureStatistics(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    other = FeatureStatistics(np.zeros(3), np.diag([4.0, 4.0, 0.25]))
    assert frechet_distance(one, other) == pytest.approx(1 + 0 + 2.5**2)


def test_the_distance_of_images_is_that_of_their_features() -> None:
    """Two colours: means 0.25 and 0.5 apart, deviations of 0.5 and 0, and twice as much, by root 2."""
    one = [colours(0.0, 0.5), colours(0.5, 0.5)]
    other = [np.concatenate([colours(-0.25, 1.0), colours(1.25, 1.0)])]
    means = [[images.mean(axis=(2, 3)) for images in batches] for batches in (one, other)]
    distance = frechet_distance(*map(statistics_of, means))
    assert distance == pytest.approx(0.25**2 + 0.5**2 + (1.5 - 0.5) ** 2 / 2)


def colours(*values: float) -> NDArray[np.float32]:
    """An image [1, 2, 3, 3], one number per colour."""
    return np.ones((1, 2, 3, 3), np.float32) * np.array(values, np.float32)[:, None, None]


def test_a_set_has_no_distance_to_itself() -> None:
    one = whole(draw(50, 8, seed=4))
    assert 0 <= frechet_distance(one, one) < 1e-9 * np.trace(one.covariance)


def test_fewer_images_than_features() -> None:
    """Covariances of ranks 2 and 1: vectors u, v and w in five dimensions, roots by hand."""
    u, v, w = np.eye(5)[:3]
    one = FeatureStatistics(np.zeros(5), 4 * np.outer(u, u) + np.outer(v, v))
    mixed = (u + w) / math.sqrt(2)
    other = FeatureStatistics(np.zeros(5), 9 * np.outer(mixed, mixed))
    # C C' has the one eigenvalue 4 * 9 * (u . mixed)^2 = 18
    assert frechet_distance(one, other) == pytest.approx(5 + 9 - 2 * math.sqrt(18))


def test_a_root_by_hand() -> None:
    np.testing.assert_allclose(symmetric_root(np.array([[5.0, 4.0], [4.0, 5.0]])), [[2, 1], [1, 2]])
    np.testing.assert_allclose(symmetric_root(np.array([[1.0, 1.0], [1.0, 1.0]])) ** 2, 0.5 * np.ones((2, 2)))


# --- the statistics ---


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_one_pass_gives_what_all_at_once_gives(size: int) -> None:
    features = draw(1000, 6, seed=5) + 1e4  # a mean far greater than the spread
    found = statistics_of(features[start : start + size] for start in range(0, 1000, size))
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=1e-9)
    assert found.images == 1000


def test_three_numbers_by_hand() -> None:
    found = statistics_of(hand())
    np.testing.assert_allclose(found.mean, [3, 1])
    np.testing.assert_allclose(found.covariance, [[7, 4.5], [4.5, 3]])


def hand() -> list[Any]:
    """(1, 0), (2, 0) and (6, 3), in two batches with an empty one between."""
    return [np.array([[1.0, 0.0]]), np.zeros((0, 2)), np.array([[2.0, 0.0], [6.0, 3.0]], dtype=np.float32)]


def test_few_images_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        statistics_of([np.random.default_rng(0).random((2048, 2))])
        assert not caplog.text
        statistics_of([np.random.default_rng(0).random((2047, 2))])
    assert "2047 images are fewer than 2048" in caplog.text


# --- files ---


def test_statistics_of_a_file(tmp_path: Path) -> None:
    stored = whole(draw(40, 3, seed=6))
    path = tmp_path / "celeba.npz"
    np.savez(path, mu=stored.mean, sigma=stored.covariance)
    read = read_statistics(path)
    assert frechet_distance(read, stored) == pytest.approx(0, abs=1e-9)
    assert read.images is None


@pytest.mark.parametrize("content", [{"mu": np.zeros(2)}, {"mu": np.zeros(2), "sigma": np.zeros((3, 3))}])
def test_other_files(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, **content)
    with pytest.raises(ValueError, match=r"other\.npz: no statistics of features with mu and sigma"):
        read_statistics(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Also by whoever knows of `mu` and `sigma` alone."""
    path = tmp_path / "own.npz"
    written = statistics_of([draw(9, 3, seed=0)], network="0f")
    write_statistics(path, written)
    read = read_statistics(path)
    assert np.array_equal(read.mean, written.mean)
    assert np.array_equal(read.covariance, written.covariance)
    assert (read.images, read.network) == (9, "0f")
    before = path.read_bytes()
    write_statistics(path, written)
    assert path.read_bytes() == before
    write_statistics(path, FeatureStatistics(np.zeros(1), np.eye(1)))
    with np.load(path) as arrays:
        assert sorted(arrays.files) == ["mu", "sigma"]


def test_pictures_have_256_levels() -> None:
    """Channel by channel, line by line; what lies outside is clipped."""
    row = np.array([[-0.3, 0.0, 0.4999, 1.0, 1.7, 100 / 255, 100.4 / 255, 0.25]])
    pictures = pictures_of(row, image=(2, 1, 4))
    assert pictures.shape == (1, 2, 1, 4)
    assert (pictures * 255).round(4).ravel().tolist() == [0, 0, 127, 255, 255, 100, 100, 64]
    with pytest.raises(ValueError, match=r"images \[1, 8\] are not rows of 12 numbers"):
        pictures_of(row, image=(3, 2, 2))


def test_a_damaged_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    np.savez(path, mu=np.zeros(2), sigma=np.eye(2))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"damaged\.npz: no statistics"):
        read_statistics(path)
    np.savez_compressed(path, mu=np.arange(900.0), sigma=np.ones((900, 900)))
    content = bytearray(path.read_bytes())
    content[100:140] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.npz: no statistics"):
        read_statistics(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(2))
    with pytest.raises(ValueError, match=r"damaged\.npz: no statistics"):
        read_statistics(path)
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"damaged\.npz: no statistics"):
        read_statistics(path)
    with pytest.raises(FileNotFoundError):
        read_statistics(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("changed", [{"images": "many"}, {"images": 2.5}, {"sigma": np.diag([1.0, -1.0])}])
def test_statistics_that_cannot_be(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "odd.npz"
    np.savez(path, allow_pickle=False, **({"mu": np.zeros(2), "sigma": np.eye(2)} | changed))
    with pytest.raises(ValueError, match=r"odd\.npz: no statistics"):
        read_statistics(path)


@pytest.mark.parametrize(("place", "value"), [(10, b"\x63"), (8, b"\1"), (42, b"\xff\xff\xff\x7f")])
def test_an_archive_that_is_damaged(tmp_path: Path, place: int, value: bytes) -> None:
    """Another compression, an encryption, a place that is not in the file."""
    path = tmp_path / "damaged.npz"
    np.savez(path, mu=np.zeros(2), sigma=np.eye(2))
    content = bytearray(path.read_bytes())
    listed = content.index(b"PK\1\2")  # the first entry of the archive's list
    content[listed + place : listed + place + len(value)] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.npz: no statistics"):
        read_statistics(path)


def test_a_disk_that_fails_is_no_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_statistics(tmp_path)


def test_a_file_with_objects_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, mu=np.array([{}], dtype=object), sigma=np.eye(1), allow_pickle=True)
    with pytest.raises(ValueError, match=r"objects\.npz: no statistics .*allow_pickle"):
        read_statistics(path)


# --- what is refused ---


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([np.zeros((1, 3))], "1 images have no covariance"),
        ([], "0 images have no covariance"),
        ([np.zeros(3)], r"features are \[3\]"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], r"features are \[2, 4\] after 2 images with 3"),
        ([np.array([[1.0], [math.nan]])], "hold NaN or infinite numbers"),
    ],
)
def test_features_that_have_no_statistics(batches: list[FloatArray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        statistics_of(batches)


def test_statistics_that_are_none() -> None:
    with pytest.raises(ValueError, match="the covariance is not symmetric"):
        FeatureStatistics(np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="2 and 3 features: statistics of the same network"):
        frechet_distance(FeatureStatistics(np.zeros(2), np.eye(2)), FeatureStatistics(np.zeros(3), np.eye(3)))
