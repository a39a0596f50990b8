"""Pictures: which files count, and pixels worked out by hand through every mode, size and shape."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lass.data.images.folders import find_pictures, read_picture, read_split


def save(path: Path, values: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


def grey(*shape: int, level: int = 100) -> np.ndarray:
    return np.full(shape, level, dtype=np.uint8)


def test_pictures_by_class(tmp_path: Path) -> None:
    for name in ("cat/b.png", "cat/a.JPG", "dog/z.jpeg", "fish/x.png", "dog/deep/y.png", "cat/.hidden.png"):
        save(tmp_path / name, grey(2, 2), format="PNG")
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    found = find_pictures(tmp_path, ["dog", "cat"], {})
    assert [(path.relative_to(tmp_path).as_posix(), index) for path, index in found] == [
        ("dog/z.jpeg", 0),
        ("cat/a.JPG", 1),
        ("cat/b.png", 1),
    ]


def test_one_class_needs_no_folder(tmp_path: Path) -> None:
    save(tmp_path / "b.png", grey(2, 2))
    save(tmp_path / "a.png", grey(2, 2))
    assert [(path.name, index) for path, index in find_pictures(tmp_path, ["face"], {})] == [
        ("a.png", 0),
        ("b.png", 0),
    ]
    save(tmp_path / "face" / "c.png", grey(2, 2))
    assert [path.name for path, _ in find_pictures(tmp_path, ["face"], {})] == ["c.png"]


def test_a_class_names_its_folders(tmp_path: Path) -> None:
    for name in ("Cats/a.png", "hot-dog/b.png", "0/c.png"):
        save(tmp_path / name, grey(2, 2))
    files = {"cat": ["Cats"], "dog": ["hot-dog", "0"]}
    found = find_pictures(tmp_path, ["dog", "cat"], files)
    assert [(path.name, index) for path, index in found] == [("b.png", 0), ("c.png", 0), ("a.png", 1)]
    with pytest.raises(FileNotFoundError, match=r"no folder 'dogs' of class 'dog'.*let `files` name"):
        find_pictures(tmp_path, ["dog"], {"dog": ["dogs"]})


def test_folders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere is no folder: lay the pictures out as <root>"):
        find_pictures(tmp_path / "nowhere", ["cat"], {})
    with pytest.raises(ValueError, match=r"has no picture \(\.png"):
        find_pictures(tmp_path, ["cat"], {})
    save(tmp_path / "cat" / "a.png", grey(2, 2))
    with pytest.raises(FileNotFoundError, match="no folder 'dog'"):
        find_pictures(tmp_path, ["cat", "dog"], {})
    for classes in ([], ["cat", "cat"]):
        with pytest.raises(ValueError, match="repeat or are none"):
            find_pictures(tmp_path, classes, {})


def test_a_picture_of_the_size_keeps_its_pixels(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    path = save(tmp_path / "a.png", values)
    picture = read_picture(path, size=6, colours=3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, values.transpose(2, 0, 1))
    path = save(tmp_path / "b.png", values[..., 0])
    np.testing.assert_array_equal(read_picture(path, size=6, colours=1), values[None, ..., 0])
    np.testing.assert_array_equal(read_picture(path, size=6, colours=3), np.stack([values[..., 0]] * 3))


@pytest.mark.parametrize("upright", [False, True])
def test_the_middle_of_the_longer_side_is_kept(tmp_path: Path, upright: bool) -> None:
    values = np.concatenate([grey(8, 4, level=0), grey(8, 8, level=200), grey(8, 4, level=90)], axis=1)
    path = save(tmp_path / "a.png", values.T if upright else values)
    assert (read_picture(path, size=8, colours=1) == 200).all()
    # half the size: what is far from the edges between the levels keeps its level
    half = read_picture(path, size=4, colours=1)[0].astype(int)
    assert half.shape == (4, 4)
    assert abs(half[1:3, 1:3] - 200).max() <= 2


def test_no_aliasing(tmp_path: Path) -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = read_picture(save(tmp_path / "a.png", board), size=8, colours=1).astype(int)
    assert abs(small - 127.5).max() < 2, "a fine chequerboard is grey from afar"


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 256], [32768, 65535]], dtype=np.uint16)
    assert read_picture(save(tmp_path / "a.png", values), size=2, colours=1).tolist() == [
        [[0, 1], [128, 255]]
    ]


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    values = np.full((2, 2, 4), 255, dtype=np.uint8)
    values[0, :, 3] = 0
    path = save(tmp_path / "a.png", values)
    for colours in (1, 3):
        picture = read_picture(path, size=2, colours=colours)
        assert picture[:, 0].max() == 0
        assert picture[:, 1].min() == 255
    palette = Image.fromarray(grey(2, 2, level=0)).convert("P")
    palette.putpalette([255, 255, 255])
    palette.save(tmp_path / "b.gif", transparency=0)
    assert read_picture(tmp_path / "b.gif", size=2, colours=3).max() == 0


def test_a_turned_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    path = save(tmp_path / "a.png", np.array([[10, 20], [30, 40]], dtype=np.uint8), exif=exif)
    assert read_picture(path, size=2, colours=1).tolist() == [[[40, 30], [20, 10]]]


def test_files_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png: no such picture"):
        read_picture(tmp_path / "nowhere.png", size=2, colours=1)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    for name in ("a.png", "a.jpg", "a.bmp"):
        path = save(tmp_path / name, noise)
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ValueError, match=rf"{name}: cannot be read as a picture .*; replace it"):
            read_picture(path, size=2, colours=1)
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"b\.png: cannot be read as a picture"):
        read_picture(tmp_path / "b.png", size=2, colours=1)
    path = save(tmp_path / "c.tif", np.zeros((2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="its mode 'F' has no 8 or 16 bits"):
        read_picture(path, size=2, colours=1)
    for size, colours in ((2, 2), (0, 1)):
        with pytest.raises(ValueError, match="use 1 or 3 colours and a size of 1 or more"):
            read_picture(path, size=size, colours=colours)


# --- splits ---


def split_of(root: Path, split: str, *, held_out: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    return read_split(root, split=split, image=(1, 2, 2), classes=["dog", "cat"], files={}, held_out=held_out)


def test_pictures_of_a_split(tmp_path: Path) -> None:
    for number, name in enumerate(("cat/a", "cat/b", "cat/c", "dog/a", "dog/b")):
        save(tmp_path / "train" / f"{name}.png", grey(4, 4, level=10 * number))
    pixels, labels = split_of(tmp_path, "train")
    assert pixels.shape == (5, 1, 2, 2)
    assert pixels.dtype == np.uint8
    assert pixels[:, 0, 0, 0].tolist() == [30, 40, 0, 10, 20]
    assert labels.tolist() == [0, 0, 1, 1, 1]
    with pytest.raises(FileNotFoundError, match=r"no folder 'validation': add it.*or set `held_out`"):
        split_of(tmp_path, "validation")
    assert split_of(tmp_path, "validation", held_out=2)[0][:, 0, 0, 0].tolist() == [40, 10]
    assert split_of(tmp_path, "train", held_out=2)[1].tolist() == [0, 1, 1]
    for name in ("cat", "dog"):
        save(tmp_path / "validation" / name / "x.png", grey(2, 2, level=7))
    assert split_of(tmp_path, "validation", held_out=2)[0].tolist() == [[[[7, 7], [7, 7]]]] * 2
    assert len(split_of(tmp_path, "train", held_out=2)[1]) == 5
    with pytest.raises(ValueError, match="images of 2 rows and 3 columns: pictures are fitted into squares"):
        read_split(tmp_path, split="train", image=(1, 2, 3), classes=["cat"], files={}, held_out=None)
