"""MNIST: splits by hand on scikit-learn's digits and the real files where they are."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.downloads.expected import Expected
from lass.data.images import mnist
from lass.data.images.mnist import CLASSES, FILES, IMAGE, read_split
from lass.data.images.names import find_idx
from tests.data.images.idx_files import digits, idx_bytes, write_mnist

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"


def read(root: Path, *, split: str, held_out: int | None) -> tuple[np.ndarray, np.ndarray]:
    return read_split(root, split=split, image=IMAGE, classes=CLASSES, files={}, held_out=held_out)


def test_splits(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=50, test=20)
    images, labels = digits()
    parts = {name: read(tmp_path, split=name, held_out=8) for name in mnist.SPLITS}
    places = {"train": slice(42), "validation": slice(42, 50), "test": slice(50, 70)}
    for name, place in places.items():
        pixels, found = parts[name]
        np.testing.assert_array_equal(pixels, images[place][:, None])
        np.testing.assert_array_equal(found, labels[place])
        assert pixels.dtype == np.uint8
        assert found.dtype == np.int64


def test_splits_that_cannot_be(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=5, test=2)
    for held_out in (-1, 0, 5, 6, None):
        with pytest.raises(ValueError, match=f"held_out is {held_out}, but from 1 to 4 of the 5"):
            read(tmp_path, split="validation", held_out=held_out)
    with pytest.raises(ValueError, match="split 'dev' is unknown: use one of train, validation, test"):
        read(tmp_path, split="dev", held_out=1)
    for image, classes in (((3, 28, 28), CLASSES), (IMAGE, CLASSES[:9])):
        with pytest.raises(ValueError, match=r"MNIST has \(1, 28, 28\) in 10; set these"):
            read_split(tmp_path, split="test", image=image, classes=classes, files={}, held_out=1)


def test_files_with_and_without_gz(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=3, test=2)
    assert find_idx(tmp_path, "train-labels-idx1-ubyte").name == "train-labels-idx1-ubyte.gz"
    assert find_idx(tmp_path, "t10k-labels-idx1-ubyte").name == "t10k-labels-idx1-ubyte"
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"neither t10k-labels-idx1-ubyte nor .*\.gz: set `root` to a folder"
    ):
        read(tmp_path, split="test", held_out=1)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("images-idx3", np.zeros((2, 28, 27), dtype=np.uint8), r"images of \(28, 27\) pixels"),
        ("labels-idx1", np.zeros(3, dtype=np.uint8), "3 labels for 2 images"),
        ("labels-idx1", np.array([9, 10], dtype=np.uint8), "label 10, MNIST has 0 to 9"),
    ],
)
def test_files_that_are_not_mnists(tmp_path: Path, name: str, values: np.ndarray, message: str) -> None:
    write_mnist(tmp_path, train=3, test=2)
    (tmp_path / f"t10k-{name}-ubyte").write_bytes(idx_bytes(values))
    with pytest.raises(ValueError, match=rf"t10k-{name}-ubyte: {message}.*set `root`"):
        read(tmp_path, split="test", held_out=1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real MNIST is not beside the repository")
def test_the_real_files() -> None:
    for name, md5 in FILES.items():
        assert Expected(md5=md5, of_content=True).differs(find_idx(SHARED, name)) is None
    sizes = {"train": 55_000, "validation": 5_000, "test": 10_000}
    parts = {name: read(SHARED, split=name, held_out=5_000) for name in sizes}
    assert {name: len(part[1]) for name, part in parts.items()} == sizes
    assert parts["train"][1][:5].tolist() == [5, 0, 4, 1, 9]
    assert parts["test"][1][:5].tolist() == [7, 2, 1, 0, 4]
