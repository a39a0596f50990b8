"""What songs are composed, as the configuration says it."""

import pytest
from pydantic import ValidationError

from lass.songs.settings import Composed

SONGS = {"train": 3, "validation": 2, "test": 1}


def test_counts_and_length() -> None:
    settings = Composed.model_validate({"songs": SONGS, "seconds": 30})
    assert settings.songs.train == 3
    for wrong in (
        {"songs": SONGS, "seconds": 0},
        {"songs": SONGS | {"test": 0}, "seconds": 1},
        {"songs": SONGS},
    ):
        with pytest.raises(ValidationError):
            Composed.model_validate(wrong)
