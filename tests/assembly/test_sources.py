"""What is tokenized of music and of images: every item once, whatever the shards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.assembly import sources
from lass.assembly.batches import open_batches
from lass.assembly.sources import Items, items_of, open_sources
from lass.data.audio.files import write_audio
from lass.data.audio.tracks import SourceLibrary
from lass.data.images.library import FILE, ImageLibrary, write_images

IMAGES: dict[str, Any] = {"image": [1, 6, 6], "classes": ["round", "flat"]}
MUSIC: dict[str, Any] = {"rate": 100, "classes": ["drums", "bass"]}
ALTERED = {"rotation": 20.0, "scale": 0.1, "shear": 0.1}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Seven images with ink in the middle."""
    pixels = np.zeros((7, 1, 6, 6), dtype=np.uint8)
    pixels[:, :, 2:4, 2:5] = np.random.default_rng(0).integers(50, 255, (7, 1, 2, 3))
    write_images(tmp_path / FILE, pixels, np.array([0, 1, 1, 0, 1, 0, 0]), ("round", "flat"))
    return tmp_path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, frames in (("long", 70), ("odd", 43), ("short", 5)):
        write_audio(tmp_path / f"{name}.wav", rng.uniform(-1, 1, (2, frames)).astype(np.float32), rate=100)
    return tmp_path


def read(library: SourceLibrary | ImageLibrary, shards: int, copies: int = 0) -> dict[str, Items]:
    """Every item of all shards by its name and class."""
    found = {}
    for number in range(1, shards + 1):
        shard = f"{number}-of-{shards}"
        for items in items_of(library, shard, hop=10, copies=copies, augmentation=ALTERED, seed=3):
            for index, (track, source) in enumerate(zip(items.tracks, items.sources, strict=True)):
                key = f"{track} {source}"
                assert key not in found
                found[key] = Items([track], [source], items.data[index : index + 1])
    return found


def test_the_entries_of_a_library_say_what_it_holds(images: Path, music: Path) -> None:
    assert isinstance(open_sources(images, IMAGES), ImageLibrary)
    opened = open_sources(music, MUSIC, shortest=10)
    assert isinstance(opened, SourceLibrary)
    assert opened.tracks == ["long", "odd"]


def test_tracks_are_encoded_to_the_last_whole_token(music: Path) -> None:
    library = open_sources(music, MUSIC, shortest=10)
    assert isinstance(library, SourceLibrary)
    found = read(library, 1)
    assert {key: items.data.shape[1] for key, items in found.items()} == {
        "long drums": 70,
        "long bass": 70,
        "odd drums": 40,
        "odd bass": 40,
    }
    np.testing.assert_array_equal(found["odd bass"].data[0], library.read("odd")[1, :40])
    assert read(library, 2).keys() == found.keys()


def test_images_and_their_copies(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BLOCK", 3)
    library = open_sources(images, IMAGES)
    assert isinstance(library, ImageLibrary)
    plain, found = read(library, 1), read(library, 1, copies=2)
    assert len(plain) == 7
    assert len(found) == 21
    for row in range(7):
        name, source = f"{row:06d}", library.classes[library.labels[row]]
        original = torch.from_numpy(library.read(np.array([row])))
        assert torch.equal(found[f"{name} {source}"].data, original)
        assert torch.equal(plain[f"{name} {source}"].data, original)
        copies = [found[f"{name}/{copy} {source}"].data for copy in (1, 2)]
        assert not torch.equal(copies[0], original)
        assert not torch.equal(copies[0], copies[1])


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_change_no_copy(images: Path, monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    monkeypatch.setattr(sources, "BLOCK", 3)
    library = open_sources(images, IMAGES)
    whole, parts = read(library, 1, copies=2), read(library, shards, copies=2)
    assert parts.keys() == whole.keys()
    assert all(torch.equal(parts[key].data, items.data) for key, items in whole.items())


def test_batches_of_either(images: Path, music: Path) -> None:
    settings: dict[str, Any] = {"weights": [0.5, 0.5], "batch": 4, "device": torch.device("cpu")}
    rng = np.random.default_rng(0)
    batches = open_batches(images, IMAGES, length=None, augmentation=ALTERED, **settings)
    assert batches.draw(rng).shape == (4, 36)
    batches = open_batches(music, MUSIC, length=20, augmentation=None, **settings)
    assert batches.draw(rng).shape == (4, 20)
    with pytest.raises(ValueError, match=r"vqvae\.crop"):
        open_batches(music, MUSIC, length=None, augmentation=None, **settings)
