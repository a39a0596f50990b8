"""What songs are composed, as the configuration says it."""

from pathlib import Path

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


def test_two_instruments_need_some_to_be_drawn_from(tmp_path: Path) -> None:
    composed = {"songs": SONGS, "seconds": 30}
    with pytest.raises(ValidationError, match=r"layers is 0\.5, but soundfonts is empty"):
        Composed.model_validate(composed | {"alterations": {"layers": 0.5}})
    plain = Composed.model_validate(composed | {"alterations": {}})
    assert Composed(**plain.model_dump(mode="json")) == plain, "as a job reads it"
    assert plain.alterations is not None
    assert plain.alterations.layered == 0.2
    fonts = composed | {"soundfonts": [str(tmp_path)]}
    drawn = Composed.model_validate(fonts | {"alterations": {"layers": 0.5}})
    assert drawn.alterations is not None
    assert drawn.alterations.layered == 0.5
    assert Composed.model_validate(composed | {"alterations": {"layers": 0}}).soundfonts == []


def test_a_soundfont_that_is_not_there_is_named(tmp_path: Path) -> None:
    given = {"songs": SONGS, "seconds": 30, "soundfonts": [str(tmp_path), str(tmp_path / "no.sf2")]}
    with pytest.raises(
        FileNotFoundError, match=r"soundfonts names '.*no\.sf2', but .* does not exist: correct"
    ):
        Composed.model_validate(given).check_soundfonts()
