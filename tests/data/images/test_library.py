"""Image libraries: rows of numbers by hand, and files that belong to another configuration."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.images import library as module
from lass.data.images.library import FILE, FORM, VERSION, ImageLibrary, open_images, write_images
from lass.data.settings import Augmentation, ImageLibrarySettings, MixtureDraw
from lass.storage import write_tensors

CLASSES = ("zero", "one")
PIXELS = np.arange(3 * 12, dtype=np.uint8).reshape(3, 2, 2, 3)
LABELS = np.array([1, 0, 1])


def open_(
    path: Path, *, image: tuple[int, int, int] = (2, 2, 3), classes: tuple[str, ...] = CLASSES
) -> ImageLibrary:
    return open_images(path.parent, ImageLibrarySettings(image=image, classes=classes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_images(tmp_path / FILE, PIXELS, LABELS, CLASSES)
    return tmp_path / FILE


def test_rows_by_hand(path: Path) -> None:
    library = open_(path)
    assert len(library) == 3
    assert library.image == (2, 2, 3)
    assert library.labels.dtype == np.int64
    assert library.labels.tolist() == [1, 0, 1]
    rows = library.read_rows(np.array([2, 0, 2]))
    assert rows.dtype == np.float32
    expected = np.stack([np.arange(24, 36), np.arange(12), np.arange(24, 36)]).astype(np.float32)
    np.testing.assert_array_equal(rows, expected / np.float32(255))
    assert library.read_rows(np.array([], dtype=np.int64)).shape == (0, 12)
    assert library.rows_of(0).tolist() == [1]
    assert library.rows_of(1).tolist() == [0, 2]
    for rows in (np.array([0, 3]), np.array([-1])):
        with pytest.raises(IndexError, match=r"of 3: ask for 0 to 2"):
            library.read_rows(rows)


def test_full_scale_is_one() -> None:
    library = ImageLibrary(np.array([0, 51, 255], dtype=np.uint8).reshape(1, 1, 1, 3), np.array([0]), ("a",))
    np.testing.assert_array_equal(library.read_rows(np.array([0])), np.array([[0, 0.2, 1]], dtype=np.float32))


def test_other_content_has_another_digest() -> None:
    def digest(
        pixels: np.ndarray = PIXELS, labels: np.ndarray = LABELS, classes: tuple[str, ...] = CLASSES
    ) -> str:
        return ImageLibrary(pixels, labels, classes).digest

    changed = PIXELS.copy()
    changed[-1, -1, -1, -1] += 1
    digests = {
        digest(),
        digest(changed),
        digest(PIXELS.reshape(3, 2, 3, 2)),
        digest(labels=np.array([1, 0, 0])),
        digest(classes=("zero", "two")),
    }
    assert len(digests) == 5
    assert digest() == digest(PIXELS.copy())
    turned = PIXELS.swapaxes(2, 3)
    assert digest(turned) == digest(np.ascontiguousarray(turned)), "a view is hashed as it looks"


def test_equal_images_have_equal_bytes(path: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "other.safetensors", PIXELS, LABELS.astype(np.uint8), list(CLASSES))
    assert (tmp_path / "other.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (PIXELS.astype(np.float32), LABELS, "images of type float32"),
        (PIXELS[0], LABELS, r"shape \[2, 2, 3\]; give uint8 of \[n, colours, rows, columns\]"),
        (PIXELS[:0], LABELS[:0], r"shape \[0, 2, 2, 3\]"),
        (PIXELS, LABELS[:2], r"labels of shape \(2,\) for 3 images"),
        (PIXELS, LABELS + 1, "labels from 1 to 2, but there are 2 classes; give 0 to 1"),
        (PIXELS, LABELS - 1, "labels from -1 to 0"),
    ],
)
def test_what_is_not_written(tmp_path: Path, pixels: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_images(tmp_path / FILE, pixels, labels, CLASSES)
    assert not list(tmp_path.iterdir())


def test_another_configuration(path: Path) -> None:
    with pytest.raises(ValueError, match=r"made for image = \[2, 2, 3\], but image = \[1, 2, 3\] is needed"):
        open_(path, image=(1, 2, 3))
    with pytest.raises(ValueError, match=r"made for classes = \['zero', 'one'\], but .*'two'.* is needed"):
        open_(path, classes=("zero", "two"))


def test_files_that_are_refused(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_(path.with_name("nowhere") / FILE)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="damaged or truncated"):
        open_(path)
    fields = {"image": [2, 2, 3], "classes": list(CLASSES)}
    for tensors, message in (
        ({"pixels": PIXELS}, "it holds"),
        ({"pixels": PIXELS, "labels": LABELS + 1}, "labels from 1 to 2"),
        (
            {"pixels": PIXELS.reshape(3, 1, 4, 3), "labels": LABELS},
            r"images of \[1, 4, 3\] pixels under a header",
        ),
    ):
        write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)
        with pytest.raises(ValueError, match=message):
            open_(path)


# --- images as items ---


def test_images_as_items(path: Path) -> None:
    library = open_(path)
    assert library.items == ["000000", "000001", "000002"]
    assert library.bounds == (0.0, 1.0)
    assert [library.classes_of(item) for item in library.items] == [("one",), ("zero",), ("one",)]
    assert library.length_of("000002") == 12
    expected = library.read_rows(np.array([2]))[0]
    np.testing.assert_array_equal(library.read("000002", "one"), expected)
    np.testing.assert_array_equal(library.read("000002", "one", 0, 12), expected)


def test_items_that_are_none(path: Path) -> None:
    library = open_(path)
    for item in ("000003", "2", "-00001", "0000002", "a", "000001/1", "\u0662"):
        for ask in (library.classes_of, library.length_of):
            with pytest.raises(ValueError, match=r"no image '.*' among 3"):
                ask(item)
    with pytest.raises(ValueError, match="'000002' is of class 'one', not 'zero'"):
        library.read("000002", "zero")
    for start, length in ((1, None), (0, 11)):
        with pytest.raises(ValueError, match="'000002' has 12 numbers and is read whole"):
            library.read("000002", "one", start, length)


def choice(**changes: object) -> MixtureDraw:
    mixing = {"weights": changes.pop("weights", (0.5, 0.5)), "sources": changes.pop("sources", None)}
    return MixtureDraw.model_validate({"mixing": mixing, "count": 4, "seed": 0} | changes)


def test_table_of_mixtures(path: Path) -> None:
    library = open_(path)
    table = library.draw(choice())
    rows = [[int(item) for item in pair] for pair in table["items"].to_pylist()]
    assert table["mixture"].to_pylist() == [0, 1, 2, 3]
    assert all(first != second for first, second in rows)
    assert table["sources"].to_pylist() == [[CLASSES[LABELS[row]] for row in pair] for pair in rows]
    assert table["weights"].to_pylist() == [[0.5, 0.5]] * 4
    assert table["starts"].to_pylist() == [[0, 0]] * 4
    assert table["length"].to_pylist() == [12] * 4
    assert library.draw(choice(count=3)).equals(table[:3])
    assert library.draw(choice(length=12)).equals(table)


def test_mixtures_that_images_do_not_have(path: Path) -> None:
    library = open_(path)
    for changes in ({"sources": ("zero", "one")}, {"pairing": "together"}):
        with pytest.raises(ValueError, match="leave `sources` out, and pair them `apart`"):
            library.draw(choice(**changes))
    with pytest.raises(ValueError, match="has no end: give their count"):
        library.draw(choice(count=None))
    with pytest.raises(ValueError, match="images of 12 numbers are mixed whole, not 11"):
        library.draw(choice(length=11))
    with pytest.raises(ValueError, match="4 sources out of 3 images"):
        library.draw(choice(weights=(1, 1, 1, 1)))


# --- what is tokenized ---

ALTERED = Augmentation(copies=2, rotation=20, scale=0.1, shear=0.1)


@pytest.fixture
def inked(monkeypatch: pytest.MonkeyPatch) -> ImageLibrary:
    """Seven images with ink in the middle, altered three at a time."""
    monkeypatch.setattr(module, "BLOCK", 3)
    pixels = np.zeros((7, 1, 6, 6), dtype=np.uint8)
    ink = np.random.default_rng(0).integers(50, 255, (7, 1, 2, 3), dtype=np.uint8)
    pixels[:, :, 2:4, 2:5] = ink
    return ImageLibrary(pixels, np.array([0, 1, 1, 0, 1, 0, 0]), ("round", "flat"))


def encodable(
    library: ImageLibrary, shards: int, augmentation: Augmentation | None = None
) -> dict[str, np.ndarray]:
    """Every data point of all shards by its name and class."""
    found: dict[str, np.ndarray] = {}
    for number in range(1, shards + 1):
        shard = f"{number}-of-{shards}"
        for part in library.encodable(shard, hop=10, augmentation=augmentation, seed=3):
            for item, name, data in zip(part.items, part.classes, part.data, strict=True):
                assert f"{item} {name}" not in found
                found[f"{item} {name}"] = data
    return found


def test_images_and_their_copies(inked: ImageLibrary) -> None:
    plain, found = encodable(inked, 1), encodable(inked, 1, ALTERED)
    assert (len(plain), len(found)) == (7, 21)
    for row in range(7):
        name, source = f"{row:06d}", inked.classes[inked.labels[row]]
        original = inked.read(name, source)
        assert np.array_equal(found[f"{name} {source}"], original)
        assert np.array_equal(plain[f"{name} {source}"], original)
        copies = [found[f"{name}/{copy} {source}"] for copy in (1, 2)]
        assert not np.array_equal(copies[0], original)
        assert not np.array_equal(copies[0], copies[1])


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_change_no_copy(inked: ImageLibrary, shards: int) -> None:
    whole, parts = encodable(inked, 1, ALTERED), encodable(inked, shards, ALTERED)
    assert parts.keys() == whole.keys()
    assert all(np.array_equal(parts[key], data) for key, data in whole.items())
