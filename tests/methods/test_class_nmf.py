"""Baselines on scikit-learn's small digits, and on dictionaries whose answer is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lass.methods.class_nmf import (
    NmfDictionaries,
    fit_dictionaries,
    read_dictionaries,
    separate_nmf,
    write_dictionaries,
)
from lass.methods.oracles import average
from lass.models.settings import ClassNmf

CLASSES = ["zero", "one", "two", "three"]
HALVES = [0.5, 0.5]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 64] in [0, 1] of the digits 0 to 3, and their labels [n]."""
    pixels, labels = load_digits(n_class=len(CLASSES), return_X_y=True)
    return (pixels / 16).astype(np.float32), labels


def fit(digits: tuple[np.ndarray, np.ndarray], **changes: Any) -> NmfDictionaries:
    pixels, labels = digits
    usual = {"read": lambda rows: pixels[rows], "labels": labels, "classes": CLASSES, "seed": 0}
    sizes = {"components": 6, "iterations": 100, "images": 120}
    given: dict[str, Any] = {**usual, **sizes, **changes}
    settings = ClassNmf(**{name: given.pop(name) for name in sizes})
    return fit_dictionaries(given.pop("read"), given.pop("labels"), settings=settings, **given)


@pytest.fixture(scope="module")
def dictionaries(digits: tuple[np.ndarray, np.ndarray]) -> NmfDictionaries:
    return fit(digits)


@pytest.fixture
def apart() -> NmfDictionaries:
    """Two classes of two atoms each that share no pixel, and a third that shares all of them."""
    atoms = np.zeros((3, 2, 6), dtype=np.float32)
    atoms[0, :, :3] = [[1, 1, 0], [0, 1, 1]]
    atoms[1, :, 3:] = [[1, 0, 1], [0, 1, 0]]
    atoms[2] = 0.5
    return NmfDictionaries(atoms, ("left", "right", "flat"))


def test_atoms_rebuild_the_images_of_their_class_best(
    digits: tuple[np.ndarray, np.ndarray], dictionaries: NmfDictionaries
) -> None:
    pixels, labels = digits
    assert dictionaries.atoms.shape == (4, 6, 64)
    assert dictionaries.atoms.dtype == np.float32
    assert (dictionaries.atoms >= 0).all()
    errors = []
    for kind in range(len(CLASSES)):
        told = np.full((len(pixels), 1), kind)
        rebuilt = separate_nmf(dictionaries, pixels, told, weights=[1.0], iterations=200)[:, 0]
        errors.append(((rebuilt - pixels) ** 2).mean(axis=1))
    assert (np.argmin(errors, axis=0) == labels).mean() > 0.95


def test_the_seed_and_the_class_decide_the_dictionary(digits: tuple[np.ndarray, np.ndarray]) -> None:
    first, again, other = (fit(digits, seed=seed).atoms for seed in (0, 0, 1))
    assert (first == again).all()
    assert not np.allclose(first, other)
    pixels, labels = digits
    fewer = fit((pixels[labels < 2], labels[labels < 2]), classes=CLASSES[:2])
    np.testing.assert_allclose(fewer.atoms[0], first[0], rtol=1e-4)  # another class changes nothing


def test_only_the_rows_asked_for_are_read(digits: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = digits
    seen: list[np.ndarray] = []

    def read(rows: np.ndarray) -> np.ndarray:
        seen.append(rows)
        return np.asarray(pixels[rows])

    fit(digits, read=read, images=20)
    assert [len(rows) for rows in seen] == [20] * 4
    for kind, rows in enumerate(seen):
        assert (labels[rows] == kind).all()
        assert (np.diff(rows) > 0).all()


def test_separation_by_hand(apart: NmfDictionaries) -> None:
    sources = np.array([[0.2, 0.6, 0.4, 0, 0, 0], [0, 0, 0, 0.4, 0.8, 0.4]], dtype=np.float32)
    mixture = np.array([0.25, 0.75]) @ sources
    found = separate_nmf(apart, [mixture], [[0, 1]], weights=[0.25, 0.75], iterations=100)
    np.testing.assert_allclose(found, sources[None], atol=1e-6)
    swapped = separate_nmf(apart, [mixture], [[1, 0]], weights=[0.75, 0.25], iterations=100)
    np.testing.assert_allclose(swapped, sources[None, ::-1], atol=1e-6)


def test_mixtures_of_digits_in_the_span_are_separated(dictionaries: NmfDictionaries) -> None:
    rng = np.random.default_rng(0)
    labels = np.array([[0, 1], [1, 2], [3, 0], [2, 1]])
    sources = np.einsum("bnr,bnrt->bnt", rng.random((4, 2, 6)), dictionaries.atoms[labels])
    sources /= sources.max(axis=2, keepdims=True)
    found = separate_nmf(dictionaries, sources.mean(axis=1), labels, weights=HALVES, iterations=5000)
    np.testing.assert_allclose(found, sources, atol=1e-3)


def test_real_digits_come_out_better_than_the_average(
    digits: tuple[np.ndarray, np.ndarray], dictionaries: NmfDictionaries
) -> None:
    pixels, kinds = digits
    rows = np.random.default_rng(1).permutation(len(pixels))[:200].reshape(100, 2)
    sources, labels = pixels[rows], kinds[rows]
    mixtures = sources.mean(axis=1)
    found = separate_nmf(dictionaries, mixtures, labels, weights=HALVES, iterations=100)
    base, error = (
        float(((estimates - sources) ** 2).mean()) for estimates in (average(mixtures, sources=2), found)
    )
    assert error < base
    assert found.min() >= 0.0
    assert found.max() <= 1.0


def test_what_no_dictionary_explains_is_left_out(apart: NmfDictionaries) -> None:
    outside = np.array([[0.0, 0.0, 0.0, 0.3, 0.0, 0.3]])
    assert not separate_nmf(apart, outside, [[0, 0]], weights=HALVES, iterations=10).any()


def test_sources_of_one_class_get_the_same_estimate(apart: NmfDictionaries) -> None:
    mixture = np.array([[0.2, 0.5, 0.3, 0.0, 0.0, 0.0]])
    found = separate_nmf(apart, mixture, [[0, 0]], weights=[0.3, 0.7], iterations=100)
    np.testing.assert_allclose(found, np.repeat(mixture[:, None], 2, axis=1), atol=1e-6)
    other = np.array([[0.0, 0.0, 0.0, 0.1, 0.2, 0.1]])
    three = separate_nmf(apart, mixture + other, [[0, 1, 0]], weights=[0.25, 0.5, 0.25], iterations=100)
    np.testing.assert_allclose(three[0, 0], [0.4, 1.0, 0.6, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(three[0, 0], three[0, 2])
    np.testing.assert_allclose(three[0, 1], [0, 0, 0, 0.2, 0.4, 0.2], atol=1e-6)


def test_estimates_do_not_depend_on_the_other_mixtures(
    digits: tuple[np.ndarray, np.ndarray], dictionaries: NmfDictionaries
) -> None:
    pixels, kinds = digits
    rows = np.random.default_rng(2).permutation(len(pixels))[:700].reshape(350, 2)
    mixtures, labels = pixels[rows].mean(axis=1), kinds[rows]
    given: dict[str, Any] = {"weights": HALVES, "iterations": 30}
    together = separate_nmf(dictionaries, mixtures, labels, **given)
    parts = [separate_nmf(dictionaries, mixtures[i::3], labels[i::3], **given) for i in range(3)]
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(part, together[number::3])
    alone = separate_nmf(dictionaries, mixtures[7:8], labels[7:8, ::-1], **given)
    np.testing.assert_array_equal(alone[0], together[7, ::-1])


def test_a_black_mixture_has_black_sources(dictionaries: NmfDictionaries) -> None:
    black = np.zeros((2, 64))
    found = separate_nmf(dictionaries, black, [[0, 1], [2, 2]], weights=HALVES, iterations=10)
    assert not found.any()
    assert separate_nmf(
        dictionaries, black[:0], np.zeros((0, 2), int), weights=HALVES, iterations=1
    ).shape == (0, 2, 64)


def test_file_gives_back_the_dictionaries(dictionaries: NmfDictionaries, tmp_path: Path) -> None:
    path = tmp_path / "new" / "dictionaries.safetensors"
    write_dictionaries(path, dictionaries)
    found = read_dictionaries(path, classes=CLASSES, pixels=64)
    np.testing.assert_array_equal(found.atoms, dictionaries.atoms)
    assert found.classes == dictionaries.classes == tuple(CLASSES)
    first = path.read_bytes()
    write_dictionaries(path, found)
    assert path.read_bytes() == first


def test_files_of_something_else_are_refused(dictionaries: NmfDictionaries, tmp_path: Path) -> None:
    path = tmp_path / "dictionaries.safetensors"
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_dictionaries(path, classes=CLASSES, pixels=64)
    write_dictionaries(path, dictionaries)
    with pytest.raises(ValueError, match=r"of the classes \['zero', .* but \['zero', 'one'\] with 64"):
        read_dictionaries(path, classes=CLASSES[:2], pixels=64)
    with pytest.raises(ValueError, match=r"atoms \(4, 6, 64\) .* with 49 pixels"):
        read_dictionaries(path, classes=CLASSES, pixels=49)
    write_dictionaries(path, NmfDictionaries(-dictionaries.atoms, dictionaries.classes))
    with pytest.raises(ValueError, match="negative or not finite"):
        read_dictionaries(path, classes=CLASSES, pixels=64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 500}, "class 'zero' has 178 training images, but 500"),
        ({"components": 0}, r"components\n  Input should be greater .*input_value=0"),
        ({"iterations": 0}, r"iterations\n  Input should be greater .*input_value=0"),
        ({"images": 0}, r"images\n  Input should be greater .*input_value=0"),
        ({"components": 30, "images": 29}, "components 30 and images 29 .* at most as many as the images"),
        ({"components": 65}, "65 components are more than the 64 pixels"),
        ({"classes": CLASSES[:3]}, "from 0 to 3: give the indices 0 to 2 of 3 classes"),
        ({"labels": np.zeros(4)}, "labels of type float64"),
        ({"read": lambda rows: np.zeros((len(rows), 64))}, "class 'zero' are black"),
        ({"read": lambda rows: np.full((len(rows), 64), -1.0)}, "of class 'zero' hold 7680 pixels"),
        ({"read": lambda rows: np.zeros((len(rows), 8, 8))}, "give flat rows"),
    ],
)
def test_what_cannot_be_fit_is_refused(
    digits: tuple[np.ndarray, np.ndarray], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit(digits, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixtures": np.zeros((1, 5))}, r"mixtures \(1, 5\).*dictionaries of 6 pixels"),
        ({"labels": [[0, 1], [0, 1]]}, r"labels \(2, 2\)"),
        ({"labels": [[0, 3]]}, "from 0 to 3: give the indices 0 to 2"),
        ({"weights": [0.3, 0.3, 0.4]}, "3 weights do not fit"),
        ({"weights": [1.0, 0.0]}, r"weights \[1.0, 0.0\]: all have to be positive"),
        ({"iterations": 0}, "iterations 0"),
        ({"mixtures": np.full((1, 6), np.nan)}, "mixtures hold 6 pixels that are negative or not finite"),
        ({"mixtures": np.full((1, 6), -0.1)}, "mixtures hold 6 pixels"),
    ],
)
def test_what_cannot_be_separated_is_refused(
    apart: NmfDictionaries, changes: dict[str, Any], message: str
) -> None:
    usual = {"mixtures": np.zeros((1, 6)), "labels": [[0, 1]], "weights": HALVES, "iterations": 10}
    given: dict[str, Any] = usual | changes
    with pytest.raises(ValueError, match=message):
        separate_nmf(apart, given.pop("mixtures"), given.pop("labels"), **given)
