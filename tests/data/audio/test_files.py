"""Audio files: what is written comes back, and what is damaged is refused by name."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass.data.audio.files import cancelling, read_audio, read_sound, resample, to_mono, write_audio


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


def test_float_wav_comes_back_exactly(tmp_path: Path) -> None:
    audio = noise(2, 1000)
    write_audio(tmp_path / "a.wav", audio, rate=16_000)
    found = read_audio(tmp_path / "a.wav", rate=16_000)
    assert found.dtype == np.float32
    assert read_sound(tmp_path / "a.wav").rate == 16_000
    np.testing.assert_array_equal(found, audio)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_file_does_not_say_when_it_was_written(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(2, 1000), rate=16_000)
    written = (tmp_path / "a.wav").read_bytes()
    peaks = written.index(b"PEAK")  # then size, version and time, four bytes each
    assert written[peaks + 8 : peaks + 16] == b"\1\0\0\0\0\0\0\0"


def test_flac_comes_back_within_half_a_step(tmp_path: Path) -> None:
    audio = noise(1000)
    write_audio(tmp_path / "deep" / "a.flac", audio, rate=44_100, subtype="PCM_16")
    found = read_audio(tmp_path / "deep" / "a.flac")
    assert found.shape == (1, 1000)
    np.testing.assert_allclose(found[0], audio, atol=1 / 32_768)


def test_part_of_a_file(tmp_path: Path) -> None:
    audio = noise(2, 1000)
    write_audio(tmp_path / "a.wav", audio, rate=16_000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", start=100, frames=50), audio[:, 100:150])
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", start=990), audio[:, 990:])


@pytest.mark.parametrize(("start", "frames"), [(0, 1001), (990, 11), (1000, None), (-1, 5), (0, 0)])
def test_frames_beyond_the_file(tmp_path: Path, start: int, frames: int | None) -> None:
    write_audio(tmp_path / "a.wav", noise(1000), rate=16_000)
    with pytest.raises(ValueError, match=r"a\.wav, which has 1000"):
        read_audio(tmp_path / "a.wav", start=start, frames=frames)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.wav"):
        read_audio(tmp_path / "none.wav")


def test_wrong_rate(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(10), rate=22_050)
    with pytest.raises(ValueError, match=r"a\.wav has 22050 Hz where 16000 Hz"):
        read_audio(tmp_path / "a.wav", rate=16_000)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_file(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, noise(100_000), rate=16_000, subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=rf"a{suffix}"):
        read_audio(path)


def test_text_instead_of_audio(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_text("no audio")
    with pytest.raises(ValueError, match=r"a\.flac is damaged"):
        read_audio(tmp_path / "a.flac")


def test_zero_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, dtype=np.float32), 16_000)
    with pytest.raises(ValueError, match="0 frames"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_on_both_ways(tmp_path: Path, value: float) -> None:
    audio = noise(100)
    audio[7] = value
    soundfile.write(tmp_path / "a.wav", audio, 16_000, subtype="FLOAT")
    with pytest.raises(ValueError, match="at frame 7"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="NaN or infinity"):
        write_audio(tmp_path / "b.wav", audio, rate=16_000)
    assert not (tmp_path / "b.wav").exists()


def test_writing_refuses_other_formats_and_shapes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\.mp3'"):
        write_audio(tmp_path / "a.mp3", noise(10), rate=16_000)
    for shape in ((0,), (2, 2, 2)):
        with pytest.raises(ValueError, match="shape"):
            write_audio(tmp_path / "a.wav", np.zeros(shape, dtype=np.float32), rate=16_000)


def test_failed_write_keeps_the_older_file(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(10), rate=16_000)
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(ValueError, match="combination"):
        write_audio(tmp_path / "a.wav", noise(10), rate=16_000, subtype="VORBIS")
    assert (tmp_path / "a.wav").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_resample_keeps_a_sine() -> None:
    def sine(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)[None]

    found = resample(sine(44_100), source_rate=44_100, target_rate=16_000)
    assert found.shape == (1, 16_000)
    np.testing.assert_allclose(found[:, 500:-500], sine(16_000)[:, 500:-500], atol=2e-3)
    same = noise(2, 10)
    np.testing.assert_array_equal(resample(same, source_rate=8000, target_rate=8000), same)
    with pytest.raises(ValueError, match="from 0 to 8000"):
        resample(same, source_rate=0, target_rate=8000)


def test_to_mono_is_the_mean() -> None:
    np.testing.assert_array_equal(to_mono(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)), [0.5, 0.5])
    with pytest.raises(ValueError, match="channel axis"):
        to_mono(np.zeros(4, dtype=np.float32))


def test_channels_that_cancel() -> None:
    left, other = noise(2, 1000)
    offset = np.array([[0.3], [0.2]], dtype=np.float32)
    assert cancelling(np.stack([left, -left])) == 0
    assert cancelling(np.stack([left, -1.1 * left]) + offset) == 1
    for audio in ([left], [left, left], [left, 0 * left], [left, other], [left, -0.5 * left], [0 * left] * 2):
        assert cancelling(np.stack(audio)) is None
    assert cancelling(np.stack([left, *[0 * left] * 11])) is None, "one of twelve channels"
