"""One interface for whatever is separated: opened by its settings, tokenized item by item."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lass.data.audio.tracks import AudioLibrary
from lass.data.images.library import FILE, ImageLibrary, write_images
from lass.data.library import Library, open_library
from lass.data.settings import LIBRARY_SETTINGS
from tests.data.sources import write_library

MUSIC: dict[str, Any] = {"kind": "audio", "rate": 100, "classes": ["drums", "bass"]}
IMAGES: dict[str, Any] = {"kind": "images", "image": [1, 6, 6], "classes": ["round", "flat"]}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    items = {}
    for name, frames in (("long", 70), ("odd", 43), ("short", 5)):
        audio = rng.uniform(-1, 1, (2, frames)).astype(np.float32)
        items[name] = {"drums": audio[0], "bass": audio[1]}
    write_library(tmp_path / "songs", items, rate=100)
    return tmp_path / "songs"


def encodable(library: Library, shards: int) -> dict[str, torch.Tensor]:
    """Every data point of all shards by its name and class."""
    found: dict[str, torch.Tensor] = {}
    for number in range(1, shards + 1):
        for part in library.encodable(f"{number}-of-{shards}", hop=10, augmentation=None, seed=3):
            for item, name, data in zip(part.items, part.classes, part.data, strict=True):
                assert f"{item} {name}" not in found
                found[f"{item} {name}"] = data
    return found


def test_the_settings_say_what_a_library_holds(tmp_path: Path, music: Path) -> None:
    write_images(
        tmp_path / FILE, np.zeros((3, 1, 6, 6), dtype=np.uint8), np.array([0, 1, 1]), ("round", "flat")
    )
    images = open_library(tmp_path, LIBRARY_SETTINGS.validate_python(IMAGES))
    assert isinstance(images, ImageLibrary)
    assert images.items == ["000000", "000001", "000002"]
    songs = open_library(music, LIBRARY_SETTINGS.validate_python(MUSIC), shortest=10)
    assert isinstance(songs, AudioLibrary)
    assert songs.items == ["long", "odd"]
    for wrong in (MUSIC | {"kind": "video"}, MUSIC | {"image": [1, 2, 3]}, IMAGES | {"image": [1, 2]}):
        with pytest.raises(ValidationError):
            LIBRARY_SETTINGS.validate_python(wrong)


def test_recordings_are_encoded_to_the_last_whole_token(music: Path) -> None:
    library = open_library(music, LIBRARY_SETTINGS.validate_python(MUSIC), shortest=10)
    found = encodable(library, 1)
    assert {key: len(data) for key, data in found.items()} == {
        "long drums": 70,
        "long bass": 70,
        "odd drums": 40,
        "odd bass": 40,
    }
    np.testing.assert_array_equal(found["odd bass"], library.read("odd", "bass")[:40])
    assert encodable(library, 2).keys() == found.keys()
