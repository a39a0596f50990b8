"""Image libraries: rows of numbers by hand, and files that belong to another configuration."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lass.data.images.library import FORM, VERSION, ImageLibrary, open_images, write_images
from lass.storage import write_tensors

CLASSES = ("zero", "one")
PIXELS = torch.arange(3 * 12, dtype=torch.uint8).reshape(3, 2, 2, 3)
LABELS = np.array([1, 0, 1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_images(tmp_path / "images.safetensors", PIXELS, LABELS, CLASSES)
    return tmp_path / "images.safetensors"


def test_rows_by_hand(path: Path) -> None:
    library = open_images(path, image=(2, 2, 3), classes=CLASSES)
    assert len(library) == 3
    assert library.image == (2, 2, 3)
    assert library.labels.dtype == np.int64
    assert library.labels.tolist() == [1, 0, 1]
    rows = library.read(np.array([2, 0, 2]))
    assert rows.dtype == np.float32
    expected = np.stack([np.arange(24, 36), np.arange(12), np.arange(24, 36)]).astype(np.float32)
    np.testing.assert_array_equal(rows, expected / np.float32(255))
    assert library.read(np.array([], dtype=np.int64)).shape == (0, 12)
    assert library.rows_of(0).tolist() == [1]
    assert library.rows_of(1).tolist() == [0, 2]
    for rows in (np.array([0, 3]), np.array([-1])):
        with pytest.raises(IndexError, match=r"of 3: ask for 0 to 2"):
            library.read(rows)


def test_full_scale_is_one() -> None:
    library = ImageLibrary(
        torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 1, 1, 3), np.array([0]), ("a",)
    )
    np.testing.assert_array_equal(library.read(np.array([0])), np.array([[0, 0.2, 1]], dtype=np.float32))


def test_other_content_has_another_digest() -> None:
    def digest(
        pixels: torch.Tensor = PIXELS, labels: np.ndarray = LABELS, classes: tuple[str, ...] = CLASSES
    ) -> str:
        return ImageLibrary(pixels, labels, classes).digest

    changed = PIXELS.clone()
    changed[-1, -1, -1, -1] += 1
    digests = {
        digest(),
        digest(changed),
        digest(PIXELS.reshape(3, 2, 3, 2)),
        digest(labels=np.array([1, 0, 0])),
        digest(classes=("zero", "two")),
    }
    assert len(digests) == 5
    assert digest() == digest(PIXELS.clone())
    turned = PIXELS.transpose(2, 3)
    assert digest(turned) == digest(turned.contiguous()), "a view is hashed as it looks"


def test_equal_images_have_equal_bytes(path: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "other.safetensors", PIXELS.numpy(), LABELS.astype(np.uint8), list(CLASSES))
    assert (tmp_path / "other.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (PIXELS.float(), LABELS, r"images of type torch\.float32"),
        (PIXELS[0], LABELS, r"shape \[2, 2, 3\]; give uint8 of \[n, colours, rows, columns\]"),
        (PIXELS[:0], LABELS[:0], r"shape \[0, 2, 2, 3\]"),
        (PIXELS, LABELS[:2], r"labels of shape \(2,\) for 3 images"),
        (PIXELS, LABELS + 1, "labels from 1 to 2, but there are 2 classes; give 0 to 1"),
        (PIXELS, LABELS - 1, "labels from -1 to 0"),
    ],
)
def test_what_is_not_written(tmp_path: Path, pixels: torch.Tensor, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_images(tmp_path / "images.safetensors", pixels, labels, CLASSES)
    assert not list(tmp_path.iterdir())


def test_another_configuration(path: Path) -> None:
    with pytest.raises(ValueError, match=r"made for image = \[2, 2, 3\], but image = \[1, 2, 3\] is needed"):
        open_images(path, image=(1, 2, 3), classes=CLASSES)
    with pytest.raises(ValueError, match=r"made for classes = \['zero', 'one'\], but .*'two'.* is needed"):
        open_images(path, image=(2, 2, 3), classes=["zero", "two"])


def test_files_that_are_refused(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_images(path.with_name("nowhere"), image=(2, 2, 3), classes=CLASSES)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="damaged or truncated"):
        open_images(path, image=(2, 2, 3), classes=CLASSES)
    fields = {"image": [2, 2, 3], "classes": list(CLASSES)}
    for tensors, message in (
        ({"pixels": PIXELS}, "it holds"),
        ({"pixels": PIXELS, "labels": LABELS + 1}, "labels from 1 to 2"),
        (
            {"pixels": PIXELS.reshape(3, 1, 4, 3), "labels": LABELS},
            r"images of \[1, 4, 3\] pixels under a header",
        ),
    ):
        write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=message):
            open_images(path, image=(2, 2, 3), classes=CLASSES)
