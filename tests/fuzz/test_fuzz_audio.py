"""Audio files with damaged headers: refused by name, or the same samples by either reader."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from lass.data.audio.files import read_sound
from lass.data.audio.streams import opened_blocks
from tests.fuzz.bounds import read_or_named
from tests.fuzz.damage import damaged_bytes

pytestmark = pytest.mark.fuzz
FORMS = [
    ("WAV", "FLOAT"), ("WAV", "PCM_16"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "FLOAT"),
    ("AIFF", "PCM_16"), ("CAF", "FLOAT"), ("AU", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (700, 2))


def encoded(form: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, SOUND, 8000, subtype=subtype, format=form)
    return file.getvalue()


VALID = {form: encoded(*form) for form in FORMS}


def in_blocks(path: Path) -> np.ndarray:
    with opened_blocks(path) as (_, blocks):
        return np.concatenate(list(blocks), axis=1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audio") / "damaged.wav"


@pytest.mark.parametrize("form", FORMS, ids="-".join)
@given(data=st.data())
def test_audio_file(path: Path, form: tuple[str, str], data: st.DataObject) -> None:
    path.write_bytes(data.draw(damaged_bytes(VALID[form])))
    whole = read_or_named(lambda: read_sound(path), str(path))
    blocks = read_or_named(lambda: in_blocks(path), str(path))
    assert (whole is None) == (blocks is None), "one reader refuses what the other reads"
    if whole is not None and blocks is not None:
        assert whole.samples.shape[1] > 0
        assert np.isfinite(whole.samples).all()
        np.testing.assert_array_equal(whole.samples, blocks)
