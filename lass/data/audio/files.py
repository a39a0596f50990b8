"""Reads, writes and resamples audio files, and refuses what is damaged instead of passing it on."""

import struct
from pathlib import Path

import numpy as np
import soundfile

from lass.data.settings import AUDIO_SUFFIXES
from lass.storage import written_aside

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
SUFFIXES = AUDIO_SUFFIXES
"""What recordings are called that `read_audio` reads, those that lose nothing first."""


def read_audio(
    path: Path, *, rate: int | None = None, start: int = 0, frames: int | None = None
) -> np.ndarray:
    """Audio of the file at `path`, float32 [channels, T] with full scale at 1.

    Args:
        path: a file that libsndfile reads (WAV, FLAC, ...).
        rate: rate in Hz that the file must have; None accepts any.
        start: first frame to read.
        frames: number of frames to read, all of which must be there; None reads to the end.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: unreadable, truncated or empty file, wrong rate, frames beyond the end,
            NaN or infinite samples.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no audio file at {path}: check the path, or make the file again")
    _check_riff(path)
    try:
        with soundfile.SoundFile(path) as file:
            length, found_rate = file.frames, file.samplerate
            count = length - start if frames is None else frames
            _check_extent(path, length=length, start=start, count=count)
            if rate is not None and found_rate != rate:
                raise ValueError(f"{path} has {found_rate} Hz where {rate} Hz is expected: resample it first")
            file.seek(start)
            audio = file.read(count, dtype="float32", always_2d=True).T
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(
            f"{path} is damaged or no audio file ({error}): make or download it again"
        ) from error
    if audio.shape[1] != count:
        raise ValueError(
            f"{path} ends after {start + audio.shape[1]} of {length} frames: make or download it again"
        )
    if not np.isfinite(audio).all():
        bad = int(np.flatnonzero(~np.isfinite(audio).all(axis=0))[0]) + start
        raise ValueError(f"{path} holds NaN or infinity at frame {bad}: make or download it again")
    return np.ascontiguousarray(audio)


def audio_rate(path: Path) -> int:
    """Sample rate in Hz of the file at `path`; errors as in read_audio."""
    if not path.is_file():
        raise FileNotFoundError(f"no audio file at {path}: check the path, or make the file again")
    try:
        return int(soundfile.info(path).samplerate)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(
            f"{path} is damaged or no audio file ({error}): make or download it again"
        ) from error


def write_audio(path: Path, audio: np.ndarray, *, rate: int, subtype: str = "FLOAT") -> None:
    """Write `audio` ([T], or [N, T] for N channels) as .wav or .flac; nothing half-written stays at `path`.

    `subtype` is libsndfile's name of the sample format; FLAC knows no floats, so "FLOAT" means 24 bits there.
    ValueError for another suffix, an empty array, more than two dimensions, NaN or infinity.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path} ends in {path.suffix!r}: use one of {', '.join(FORMATS)}")
    if audio.ndim not in (1, 2) or audio.size == 0:
        raise ValueError(
            f"audio of shape {audio.shape} cannot be written to {path}: give [T] or [N, T], T > 0"
        )
    if not np.isfinite(audio).all():
        raise ValueError(f"audio for {path} holds NaN or infinity: look for the step that made it")
    if kind == "FLAC" and subtype == "FLOAT":
        subtype = "PCM_24"
    with written_aside(path) as aside:
        soundfile.write(aside, audio.T, rate, subtype=subtype, format=kind)


def resample(audio: np.ndarray, *, source_rate: int, target_rate: int) -> np.ndarray:
    """`audio` [..., T] at `source_rate` Hz, resampled to `target_rate` Hz by windowed sinc; float32."""
    if source_rate <= 0 or target_rate <= 0:
        raise ValueError(f"cannot resample from {source_rate} to {target_rate} Hz: give rates above 0")
    if source_rate == target_rate:
        return np.asarray(audio, dtype=np.float32)
    import torch  # noqa: PLC0415 (takes seconds, and jobs that only read at the rate of the model need none)
    import torchaudio  # noqa: PLC0415

    wave = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))
    return np.asarray(
        torchaudio.functional.resample(wave, source_rate, target_rate).numpy(), dtype=np.float32
    )


def to_mono(audio: np.ndarray) -> np.ndarray:
    """Mean of the channels: [channels, T] to [T], float32."""
    if audio.ndim != 2:
        raise ValueError(f"audio of shape {audio.shape} has no channel axis: give [channels, T]")
    return np.asarray(audio.mean(axis=0), dtype=np.float32)


def _check_extent(path: Path, *, length: int, start: int, count: int) -> None:
    if length == 0:
        raise ValueError(f"{path} has no audio in it (0 frames): make or download it again")
    if start < 0 or count <= 0 or start + count > length:
        raise ValueError(
            f"frames {start} to {start + count} are not in {path}, which has {length}: ask for fewer"
        )


def _check_riff(path: Path) -> None:
    """Compare the size that a WAV header states with the file's: libsndfile reads a cut WAV as it is."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return
    stated, found = struct.unpack("<I", head[4:8])[0] + 8, path.stat().st_size
    if found < stated and stated - 8 not in (0, 0xFFFFFFFF):  # both mean that the writer did not know
        raise ValueError(f"{path} ends after {found} of {stated} bytes: make or download it again")
