"""Files of MNIST as people have them."""

from pathlib import Path

import pytest

from lass.data.images.mnist import FILES
from lass.data.images.names import MNIST_FILES, files_of_split, find_idx

NAME = "train-images-idx3-ubyte"
DOTTED = "train-images.idx3-ubyte"


def test_names_are_those_of_the_checksums() -> None:
    assert set(MNIST_FILES) == set(FILES)
    assert files_of_split("validation") == (NAME, "train-labels-idx1-ubyte")
    assert files_of_split("test") == ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.mark.parametrize(
    "path",
    [NAME, DOTTED, f"{NAME}.gz", f"{DOTTED}.gz", f"{NAME}/{NAME}", f"{NAME}/{DOTTED}", f"{DOTTED}/{DOTTED}"],
)
def test_where_a_file_may_be(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("digits")
    assert find_idx(tmp_path, NAME) == tmp_path / path


def test_an_empty_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    with pytest.raises(ValueError, match=f"{NAME} is empty: download it again"):
        find_idx(tmp_path, NAME)
    (tmp_path / f"{NAME}.gz").write_text("digits")
    assert find_idx(tmp_path, NAME).name == f"{NAME}.gz"
    with pytest.raises(FileNotFoundError, match=r"has neither t10k-.* set `root` to a folder"):
        find_idx(tmp_path, "t10k-labels-idx1-ubyte")
