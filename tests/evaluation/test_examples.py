"""Examples: which files there are, and what is in them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lass.data.audio.files import read_audio
from lass.evaluation.examples import export_examples
from lass.evaluation.opening import open_medium
from lass.evaluation.separations import Separations
from lass.evaluation.settings import MediumSettings, PictureSettings, SoundSettings

SOURCES = np.random.default_rng(0).random((2, 2, 24)).astype(np.float32)
SHOWN = Separations(
    items=[4, 9],
    classes=[["drums", "bass"], ["drums", "drums"]],
    mixtures=SOURCES.mean(axis=1),
    sources=SOURCES,
    estimates={"lass": SOURCES[:, ::-1], "nmf": SOURCES / 2},
)
NAMES = {"mixture", *(f"{name}_{of}" for name in ("drums", "bass") for of in ("true", "lass", "nmf"))}


@pytest.mark.parametrize(
    ("settings", "suffix"),
    [(SoundSettings(rate=8000), "flac"), (PictureSettings(image=(1, 6, 4)), "png")],
)
def test_every_part_has_its_file(settings: MediumSettings, suffix: str, tmp_path: Path) -> None:
    export_examples(SHOWN, medium=open_medium(settings), folder=tmp_path)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    first = {name for name in found if name.startswith("00004")}
    assert first == {f"00004_{name}.{suffix}" for name in NAMES}
    assert f"00009_drums_2_lass.{suffix}" in found
    assert len(found) == 2 * len(NAMES)
    export_examples(SHOWN, medium=open_medium(settings), folder=tmp_path)
    assert found == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_files_hold_the_part_that_they_name(tmp_path: Path) -> None:
    export_examples(SHOWN, medium=open_medium(SoundSettings(rate=8000)), folder=tmp_path)
    export_examples(SHOWN, medium=open_medium(PictureSettings(image=(1, 6, 4))), folder=tmp_path)
    expected = {
        "00004_mixture": SHOWN.mixtures[0],
        "00004_bass_true": SOURCES[0, 1],
        "00004_bass_lass": SOURCES[0, 0],
        "00009_drums_1_nmf": SOURCES[1, 0] / 2,
    }
    for name, part in expected.items():
        np.testing.assert_allclose(read_audio(tmp_path / f"{name}.flac")[0], part, atol=2**-15)
        with Image.open(tmp_path / f"{name}.png") as file:
            np.testing.assert_allclose(np.asarray(file).ravel() / 255, part, atol=0.51 / 255)
