"""Models with presets by diffusion priors: packed, checked, and what they take apart."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError
from typer.testing import CliRunner, Result

import lass
from lass.api import Separator
from lass.bundle.folder import check_model, pack_model, part_of, read_description
from lass.bundle.settings import DESCRIPTION, Unpacked
from lass.cli import app
from tests.bundle import toy
from tests.bundle.denoisers import (
    BEST,
    DEVIATIONS,
    LENGTH,
    RATE,
    denoisers_in,
    unpacked,
    write_diffusion_image_model,
    write_diffusion_model,
    write_white,
)
from tests.bundle.toy import CLASSES


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_diffusion_model(tmp_path_factory.mktemp("model") / "toy")


@pytest.fixture(scope="module")
def separator(model: Path) -> Separator:
    return lass.Separator.load(model, device="cpu")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A model whose parts may be exchanged."""
    return write_diffusion_model(tmp_path / "copy")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def exchange(folder: Path, name: str, **told: Any) -> None:
    """Put another denoiser in the place of one, and have model.json know its size and digest."""
    path = write_white(folder / f"denoisers/{name}.safetensors", 0.2, **told)
    said = json.loads((folder / DESCRIPTION).read_text())
    said["files"][f"denoisers/{name}.safetensors"] = part_of(path).model_dump()
    (folder / DESCRIPTION).write_text(json.dumps(said))


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def test_a_window_is_parted_by_the_wiener_filter(separator: Separator) -> None:
    """Denoisers that know white noise of two levels: each source has its share of the power."""
    rng = np.random.default_rng(0)
    mixture = (0.1 * rng.standard_normal(LENGTH)).astype(np.float32)
    separation = separator.separate(mixture, RATE)
    powers = {name: level**2 for name, level in DEVIATIONS.items()}
    expected = powers["drums"] / sum(powers.values()) * mixture
    error = np.sqrt(np.square(separation["drums"] - expected).mean() / np.square(expected).mean())
    assert error < 0.1
    np.testing.assert_allclose(separation["drums"] + separation["bass"], mixture, atol=1e-5)


@pytest.mark.parametrize("preset", ["best", "paper"])
@pytest.mark.parametrize(("rate", "channels", "seconds"), [(1000, 1, 4.0), (8000, 2, 2.5), (500, 1, 0.5)])
def test_sources_add_up_to_a_recording_of_any_length(
    separator: Separator, preset: Any, rate: int, channels: int, seconds: float
) -> None:
    mixture = toy.sound(seconds, rate=rate, channels=channels)
    separation = separator.separate(mixture, rate, preset=preset)
    total = separation["drums"] + separation["bass"]
    assert separation["drums"].shape == mixture.shape
    assert np.abs(total - mixture).max() <= 1e-4 * np.abs(mixture).max()
    assert np.abs(separation["bass"]).max() > 0


def test_no_codes_are_found(separator: Separator) -> None:
    separation = separator.separate(toy.sound(4.0, rate=RATE, channels=1), RATE)
    assert separation.codes.shape == (5, 2, 0), "windows of 1.28 s every 0.78 s"
    assert np.isnan(separation.log_posterior).all()


def test_the_seed_decides(separator: Separator) -> None:
    mixture = toy.sound(1.5, rate=RATE, channels=1)
    first, again, other = (
        separator.separate(mixture, RATE, seed=seed, preset="paper")["drums"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_images_are_taken_apart(tmp_path: Path) -> None:
    separator = lass.Separator.load(write_diffusion_image_model(tmp_path / "toy"), device="cpu")
    image = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    separation = separator.separate(image, classes=["one", "two"])
    remix = 0.5 * (separation["source_1"] + separation["source_2"])
    np.testing.assert_allclose(remix, image, atol=1e-5)
    assert min(one.min() for one in separation.sources.values()) >= -1e-6
    assert separator.separate(np.stack([image[None]] * 3))["source_2"].shape == (3, 1, 4, 4)


def test_the_command_writes_the_sources(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mixture = toy.sound(3.0, rate=RATE)
    soundfile.write("song.wav", mixture.T, RATE, subtype="FLOAT")
    result = run("separate", "song.wav", "--model", model, "--device", "cpu")
    assert result.exit_code == 0, result.output
    drums, bass = (soundfile.read(f"separated/song/{name}.wav", dtype="float32")[0] for name in CLASSES)
    np.testing.assert_allclose(drums + bass, mixture.T, atol=1e-4)


def test_the_card_and_the_check_know_it(model: Path) -> None:
    result = run("check", model)
    assert result.stdout.endswith(": 2 parts, all whole\n")
    card = run("models", "show", model).stdout
    assert "| `best` | diffusion, proximal | 10 | not measured |" in card
    assert "| `paper` | diffusion, ancestral | 25 | not measured |" in card
    assert "1000 Hz, one channel, windows of 1.28 s" in card
    assert "codebook" not in card


def test_models_at_hand_are_listed_with_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASS_MODELS", str(model.parent))
    assert re.search(r"toy +│ drums, bass +│ 1000 Hz", run("models").stdout)


def test_a_preset_by_diffusion_beside_those_by_codes(tmp_path: Path) -> None:
    """One folder with both: each preset uses its own parts."""
    codec = toy.audio_codec()
    files = tmp_path / "parts"
    parts = replace(toy.audio_parts(files, codec), denoisers=denoisers_in(files / "denoisers").denoisers)
    presets = toy.presets() | {"fast": {"diffusion": BEST}}
    described = toy.unpacked(codec, presets=presets, denoisers=unpacked().denoisers)
    pack_model(tmp_path / "both", parts, described, level=None, made={})
    assert check_model(tmp_path / "both").rate == RATE
    both = lass.Separator.load(tmp_path / "both", device="cpu")
    mixture = toy.sound(1.28, rate=RATE, channels=1)
    assert both.separate(mixture, RATE).codes.shape == (1, 2, 80)
    by_diffusion = both.separate(mixture, RATE, preset="fast")
    assert by_diffusion.codes.shape == (1, 2, 0)
    alone = lass.Separator.load(write_diffusion_model(tmp_path / "alone"), device="cpu")
    np.testing.assert_array_equal(by_diffusion["drums"], alone.separate(mixture, RATE)["drums"])


def test_a_denoiser_that_is_missing(copy: Path) -> None:
    (copy / "denoisers" / "bass.safetensors").unlink()
    for words in (["check", copy], ["separate", "song.wav", "--model", copy]):
        assert f"{copy} lacks denoisers/bass.safetensors: copy the model again" in refused(run(*words))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"classes": ["drums"], "rate": RATE}, r"a denoiser of \['drums'\], not of \['bass'\]"),
        ({"classes": ["bass"], "rate": 8000}, "a denoiser of sounds at 8000 Hz, not at 1000 Hz"),
        ({"classes": ["bass"], "image": (1, 4, 4)}, r"a denoiser of images of \[1, 4, 4\], not of sounds"),
    ],
)
def test_a_denoiser_of_something_else(
    copy: Path, told: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange(copy, "bass", **told)
    monkeypatch.chdir(copy.parent)
    soundfile.write("song.wav", toy.sound(1.0, rate=RATE).T, RATE, subtype="FLOAT")
    for words in (["check", copy], ["separate", "song.wav", "--model", copy, "--device", "cpu"]):
        assert re.search(rf"denoisers/bass\.safetensors: {message}", refused(run(*words)))


def test_descriptions_that_lack_a_part() -> None:
    priors = [{"source": "drums", "prior": "drums", "classes": ["drums"], "conditional": False}]
    for changes, message in (
        ({"denoisers": None}, "presets.best is by diffusion, but the model has no denoisers"),
        ({"presets": toy.presets()}, "presets.best is by codes, but the model has no codec"),
        ({"priors": toy.unpacked(toy.audio_codec()).priors}, "priors are given, but the model has no codec"),
        ({"positions": 80}, "codec, counted_from and positions: give all of them, or none"),
        (
            {"denoisers": {"rate": RATE, "priors": priors}},
            r"denoisers.priors are of \['drums'\], not of classes",
        ),
    ):
        with pytest.raises(ValidationError, match=message):
            unpacked(**changes)
    codec = toy.audio_codec()
    denoisers = {"rate": 8000, "priors": [each.model_dump() for each in toy.unpacked(codec).priors]}
    with pytest.raises(ValidationError, match=r"codec and denoisers are of .* Hz: give those of one rate"):
        toy.unpacked(codec, denoisers=denoisers)


def test_models_of_before_are_read() -> None:
    """The one of digits that ships is of version 2 and says nothing of denoisers."""
    folder = Path(lass.__file__).parent / "shipped" / "mnist"
    said = json.loads((folder / DESCRIPTION).read_text())
    assert said["version"] == 2
    described = read_description(folder)
    assert isinstance(described, Unpacked)
    assert described.denoisers is None
    assert described.kind == "images"
