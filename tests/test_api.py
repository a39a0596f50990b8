"""The API: sources that add up, of the input's shape, whatever its rate, length and channels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import lass
from lass.api import Separator
from lass.bundle.recordings import gain_of
from lass.bundle.settings import Level
from lass.data.audio.streams import Excerpt, survey_array
from tests.bundle.toy import sound, write_audio_model, write_image_model


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    return lass.Separator.load(write_audio_model(tmp_path_factory.mktemp("model") / "toy"), device="cpu")


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(1000, 1, 4.0), (44100, 2, 3.3), (8000, 3, 2.5), (500, 2, 5.0), (8000, 1, 0.001), (192000, 1, 1.5)],
)
def test_sources_add_up_to_the_mixture(
    separator: Separator, rate: int, channels: int, seconds: float
) -> None:
    mixture = sound(seconds, rate=rate, channels=channels)
    separation = separator.separate(mixture, rate)
    total = sum(separation[name] for name in separator.sources)
    assert separation["drums"].shape == mixture.shape
    assert separation["drums"].dtype == np.float32
    assert np.abs(total - mixture).max() <= 1e-4 * np.abs(mixture).max(), "within -80 dB"
    assert separation.rate == rate


def test_the_shape_is_that_of_the_mixture(separator: Separator) -> None:
    assert separator.separate(sound(1.0, channels=1)[0], 8000)["bass"].shape == (8000,)
    separation = separator.separate(sound(4.0, rate=1000, channels=1), 1000)
    assert separation.codes.shape == (5, 2, 80), "windows of 1.28 s every 0.78 s, the last one at the end"
    assert separation.codes.min() >= 0
    assert np.isfinite(separation.log_posterior).all()


def test_the_same_seed_gives_the_same_and_another_one_does_not(separator: Separator) -> None:
    mixture = sound(2.0)
    first, again = (separator.separate(mixture, 8000, seed=3)["drums"] for _ in range(2))
    other = separator.separate(mixture, 8000, seed=4)["drums"]
    assert (first == again).all()
    assert (first != other).any()


def test_silence_is_silent_and_nothing_is_decoded(separator: Separator) -> None:
    separation = separator.separate(np.zeros((2, 16000), dtype=np.float32), 8000)
    assert not separation["drums"].any()
    assert (separation.codes == -1).all()
    assert np.isnan(separation.log_posterior).all()


def test_channels_of_opposite_polarity_are_heard(separator: Separator) -> None:
    one = sound(2.0, channels=1)
    separation = separator.separate(np.concatenate([one, -one]), 8000)
    assert (separation.codes >= 0).all(), "their mean is silent, and yet they are separated"
    np.testing.assert_allclose(
        separation["drums"] + separation["bass"], np.concatenate([one, -one]), atol=1e-5
    )


def test_a_file_gives_what_its_samples_give(separator: Separator, tmp_path: Path) -> None:
    mixture = sound(20.0, rate=16000)
    soundfile.write(tmp_path / "song.wav", mixture.T, 16000, subtype="FLOAT")
    outputs = {name: tmp_path / f"{name}.wav" for name in separator.sources}
    heard: list[tuple[float, float]] = []
    separator.separate_file(
        tmp_path / "song.wav", outputs, progress=lambda done, of: heard.append((done, of))
    )
    whole = separator.separate(mixture, 16000)
    for name, path in outputs.items():
        written, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000
        np.testing.assert_allclose(written.T, whole[name], atol=1e-6)
    assert heard[-1] == (20.0, 20.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bass.wav", "drums.wav", "song.wav"]


def test_an_excerpt_is_separated_as_if_it_were_all(separator: Separator, tmp_path: Path) -> None:
    mixture = sound(4.0)
    soundfile.write(tmp_path / "song.flac", mixture.T, 8000, subtype="PCM_24")
    part, _ = soundfile.read(tmp_path / "song.flac", dtype="float32", start=8000, frames=12000)
    outputs = {name: tmp_path / f"{name}.wav" for name in separator.sources}
    separator.separate_file(tmp_path / "song.flac", outputs, excerpt=Excerpt(1.0, 2.5))
    written, _ = soundfile.read(outputs["drums"], dtype="float32")
    np.testing.assert_allclose(written.T, separator.separate(part.T, 8000)["drums"], atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_stream_of_other_numbers_in_memory_that_is_used_again(separator: Separator, rate: int) -> None:
    mixture = sound(3.0, rate=rate)
    surveyed, buffer = survey_array(mixture, rate), np.empty((2, 4000))

    def blocks() -> Iterator[np.ndarray]:
        for begin in range(0, mixture.shape[1], 4000):
            buffer[:] = mixture[:, begin : begin + 4000]
            yield buffer

    parts = np.concatenate(list(separator.separate_stream(blocks(), surveyed)), axis=2)
    whole = separator.separate(mixture, rate)
    assert parts.dtype == np.float32
    np.testing.assert_allclose(parts, np.stack([whole["drums"], whole["bass"]]), atol=1e-6)
    with pytest.raises(ValueError, match=r"a block of shape \(1, 5\): give \[channels, n\] with 2 channels"):
        list(separator.separate_stream([np.zeros((1, 5))], surveyed))


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"drums": "drums.wav"}, "no output for bass: give a path for each"),
        ({"drums": "a.wav", "bass": "a.wav"}, "give each source a file of its own"),
        ({"drums": "drums.wav", "bass": "."}, r"\. is a folder: give the path of a file"),
    ],
)
def test_outputs_are_checked_first(separator: Separator, outputs: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        separator.separate_file("gone.wav", outputs)


def test_an_array_the_wrong_way_round(separator: Separator) -> None:
    with pytest.raises(ValueError, match=r"\(300, 2\) has 300 channels of 2 samples: give \[channels, T\]"):
        separator.separate(np.zeros((300, 2), dtype=np.float32), 16000)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0])
def test_no_rate(separator: Separator, rate: Any) -> None:
    with pytest.raises(ValueError, match=f"rate {rate}: give the rate"):
        separator.separate(np.zeros(10, dtype=np.float32), rate)


def test_numbers_whose_squares_are_infinite(separator: Separator) -> None:
    with pytest.raises(ValueError, match="the audio holds a number beyond 1e15 at frame 3"):
        separator.separate(np.array([0, 0, 0, 1e20], dtype=np.float32), 8000)


def test_a_stream_gives_the_same_whatever_its_blocks(separator: Separator) -> None:
    mixture = sound(9.0)
    surveyed = survey_array(mixture, 8000)
    whole = np.concatenate(list(separator.separate_stream([mixture], surveyed)), axis=2)
    blocks = np.array_split(mixture, [1, 5000, 40001], axis=1)
    parts = np.concatenate(list(separator.separate_stream(blocks, surveyed)), axis=2)
    assert whole.shape == (2, *mixture.shape)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.parametrize(
    ("heard", "wanted"), [(-25.0, -25.0), (-5.0, -20.0), (-60.0, -30.0), (-130.0, -130.0)]
)
def test_a_recording_is_brought_to_the_nearest_level_that_the_model_knows(
    heard: float, wanted: float
) -> None:
    noise = sound(1.0, channels=1)
    one = noise * 10 ** (heard / 20) / np.sqrt(np.square(noise, dtype=np.float64).mean())
    gain = gain_of(survey_array(one, 8000), Level(quietest=-30.0, loudest=-20.0))
    assert 20 * np.log10(gain) == pytest.approx(wanted - heard, abs=1e-3)
    assert gain_of(survey_array(one, 8000), None) == 1


def test_images(tmp_path: Path) -> None:
    separator = lass.Separator.load(write_image_model(tmp_path / "toy"), device="cpu")
    image = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    separation = separator.separate(image)
    assert separator.sources == ["source_1", "source_2"]
    remix = 0.5 * (separation["source_1"] + separation["source_2"])
    np.testing.assert_allclose(remix, image, atol=1e-5)
    several = np.stack([image[None], image[None].transpose(0, 2, 1)])
    assert separator.separate(several)["source_2"].shape == (2, 1, 4, 4)
    as_bytes = np.round(image * 255).astype(np.uint8)
    np.testing.assert_allclose(
        separator.separate(as_bytes)["source_1"],
        separator.separate(as_bytes.astype(np.float32) / 255)["source_1"],
    )
    with pytest.raises(ValueError, match=r"shape \(5, 4\): this model separates images of \(1, 4, 4\)"):
        separator.separate(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="an image has numbers from 0 to 1"):
        separator.separate(2 * image)


def test_what_cannot_be_separated_is_said(separator: Separator) -> None:
    with pytest.raises(ValueError, match="rate None: give the rate"):
        separator.separate(sound(1.0))
    with pytest.raises(ValueError, match=r"shape \(0,\)"):
        separator.separate(np.zeros(0), 8000)
    with pytest.raises(ValueError, match="toy has no preset 'fast': choose one of best, paper"):
        separator.separate(sound(1.0), 8000, preset="fast")
    broken = sound(1.0)
    broken[1, 77] = np.nan
    with pytest.raises(ValueError, match="the audio holds NaN or infinity at frame 77"):
        separator.separate(broken, 8000)
    with pytest.raises(KeyError, match="no source 'voice': choose one of drums, bass"):
        separator.separate(sound(0.5), 8000)["voice"]
    with pytest.raises(FileNotFoundError, match="no model 'slakh-maxi': name one of"):
        lass.Separator.load("slakh-maxi")


def test_a_model_of_audio_is_told_no_classes(separator: lass.Separator) -> None:
    with pytest.raises(ValueError, match="a model of audio knows which source is of which class"):
        separator.separate(sound(1.0), 8000, classes=["bass", "drums"])
