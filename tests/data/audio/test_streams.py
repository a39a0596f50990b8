"""Recordings block by block: the bounds of the blocks leave no trace, and what is damaged is named."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from lass.data.audio.streams import (
    Excerpt,
    Resampler,
    finite,
    opened_blocks,
    opened_writers,
    survey,
    survey_array,
)
from lass.writing import Sink, aside_of


def sound(frames: int, *, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (channels, frames)).astype(np.float32)


def pieces(audio: np.ndarray, size: int) -> Iterator[np.ndarray]:
    yield from (audio[:, begin : begin + size] for begin in range(0, audio.shape[1], size))


@pytest.mark.parametrize("rates", [(44100, 16000), (16000, 44100), (8000, 8000)])
@pytest.mark.parametrize("size", [1, 777, 5000])
def test_a_resampled_stream_is_the_whole_resampled(rates: tuple[int, int], size: int) -> None:
    audio = sound(3 * size + 20 if size > 1 else 60)
    resampler = Resampler(*rates, rows=2)
    parts = [resampler.hear(piece) for piece in pieces(audio, size)]
    parts.append(resampler.hear(np.empty((2, 0), dtype=np.float32), last=True))
    found = np.concatenate(parts, axis=1)
    whole = soxr.resample(audio.T, *rates, quality="HQ").T if rates[0] != rates[1] else audio
    assert found.dtype == np.float32
    assert abs(found.shape[1] - audio.shape[1] * rates[1] / rates[0]) <= 1
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_an_excerpt_is_cut_at_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lass.data.audio.streams.BLOCK", 300)
    audio = sound(2000)
    soundfile.write(tmp_path / "song.wav", audio.T, 1000, subtype="FLOAT")
    for start, end in ((0.0, None), (0.29, 0.31), (0.3, 1.2), (1.9, None)):
        with opened_blocks(tmp_path / "song.wav", Excerpt(start, end)) as (rate, blocks):
            found = np.concatenate(list(blocks), axis=1)
        assert rate == 1000
        last = None if end is None else round(end * 1000)
        np.testing.assert_array_equal(found, audio[:, round(start * 1000) : last])


def test_a_survey_of_a_file_is_that_of_its_samples(tmp_path: Path) -> None:
    audio = sound(3000)
    audio[1] = -audio[0]  # they cancel
    soundfile.write(tmp_path / "song.wav", audio.T, 1000, subtype="FLOAT")
    for found in (survey(tmp_path / "song.wav"), survey_array(audio, 1000)):
        assert (found.rate, found.channels, found.frames) == (1000, 2, 3000)
        np.testing.assert_allclose(found.energies, [*np.square(audio).mean(axis=1), 0.0], rtol=1e-5)
        assert found.peak == pytest.approx(np.abs(audio).max())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_first_frame_that_is_no_number_is_named(value: float) -> None:
    audio = sound(1000)
    audio[1, 640] = value
    blocks = finite("the audio", pieces(audio, 250))
    assert next(blocks).shape == (2, 250)
    with pytest.raises(ValueError, match="the audio holds NaN or infinity at frame 640 of"):
        list(blocks)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_written_stream_comes_back_and_does_not_say_when_it_was_written(
    tmp_path: Path, suffix: str
) -> None:
    audio, path = sound(3000), tmp_path / f"a{suffix}"
    with opened_writers([path], rate=16_000, channels=2, frames=3000, comment="made by a test") as writers:
        for piece in pieces(audio, 700):
            writers.write(piece[None])
    read, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(read.T, audio, atol=0 if suffix == ".wav" else 2**-23)
    if suffix == ".wav":
        written = path.read_bytes()
        peaks = written.index(b"PEAK")  # then size, version and time, four bytes each
        assert written[peaks + 8 : peaks + 16] == b"\1\0\0\0\0\0\0\0"


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = aside_of(tmp_path / "old.wav")
    left = mine.with_name(mine.name.replace(f".{os.getpid()}-", f".{gone.pid}-"))
    left.touch()
    with opened_writers([tmp_path / "new.wav"], rate=8000, channels=2, frames=100) as writers:
        writers.write(sound(100)[None])
    assert [path.name for path in tmp_path.iterdir()] == ["new.wav"]


def test_a_full_disk_is_told_as_the_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libsndfile has an error of its own then, which says less than that of the system."""

    class Full(Sink):
        def write(self, data: bytes) -> int:
            self.failure = OSError(errno.EDQUOT, "Disk quota exceeded")
            return len(data)

    def close(self: soundfile.SoundFile) -> None:
        whole(self)
        raise soundfile.LibsndfileError(2)

    def write() -> None:
        with opened_writers([tmp_path / "a.flac"], rate=8000, channels=2, frames=100) as writers:
            writers.write(sound(100)[None])

    whole = soundfile.SoundFile.close
    monkeypatch.setattr("lass.data.audio.streams.Sink", Full)
    monkeypatch.setattr(soundfile.SoundFile, "close", close)
    with pytest.raises(OSError, match=r"Disk quota exceeded.*a\.flac"):
        write()
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
