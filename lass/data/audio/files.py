"""Reads, writes and resamples audio files, and refuses what is damaged instead of passing it on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from lass.data.audio.headers import UNKNOWN, SoundStream, open_sound
from lass.data.settings import AUDIO_SUFFIXES
from lass.writing import opened_sink, written_aside

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
SUFFIXES = AUDIO_SUFFIXES
"""What recordings are called that `read_audio` reads, in capitals or not."""
LARGEST = 1e15  # a sample; full scale is 1
_BLOCK = 2**18  # frames that are read beyond the stated end at once
_MOST = 2**26  # frames for which there is room before the first is read, whatever a header states
_CANCELLED = 0.01  # of the channels' energy: less of it in their mean is no mono


@dataclass(frozen=True)
class Sound:
    """What a file holds."""

    samples: np.ndarray  # float32 [channels, T], full scale at 1
    rate: int  # Hz


def read_audio(
    path: Path, *, rate: int | None = None, start: int = 0, frames: int | None = None
) -> np.ndarray:
    """The samples [channels, T] of `read_sound`."""
    return read_sound(path, rate=rate, start=start, frames=frames).samples


def read_sound(path: Path, *, rate: int | None = None, start: int = 0, frames: int | None = None) -> Sound:
    """What the file at `path` holds, whatever length its header states.

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
    with reading(path), open_sound(path) as file:
        found_rate = int(file.samplerate)
        if rate is not None and found_rate != rate:
            raise ValueError(f"{path} has {found_rate} Hz where {rate} Hz is expected: resample it first")
        if frames is not None and file.stated is None and start + frames <= file.frames < UNKNOWN:
            _check_extent(path, length=file.frames, start=start, count=frames)
            file.seek(start)
            audio = file.read(frames, dtype="float32", always_2d=True).T
            if audio.shape[1] != frames:
                raise ends_early(path, start + audio.shape[1], file.frames)
        else:
            audio = _read_to_end(path, file)
            length = audio.shape[1]
            count = length - start if frames is None else frames
            _check_extent(path, length=length, start=start, count=count)
            audio = audio[:, start : start + count]
    found = unfit(audio)
    if found is not None:
        what, at = found
        raise ValueError(f"{path} holds {what} at frame {at + start}: make or download it again")
    return Sound(np.ascontiguousarray(audio), found_rate)


def unfit(audio: np.ndarray) -> tuple[str, int] | None:
    """What in `audio` [channels, T] is no sample, and the first frame with it; None where all are.

    Numbers beyond LARGEST are none, either: their squares are infinite further on.
    """
    fit = (np.abs(audio) <= LARGEST).all(axis=0)  # of NaN it is not
    if fit.all():
        return None
    first = int(np.flatnonzero(~fit)[0])
    return "a number beyond 1e15" if np.isfinite(audio[:, first]).all() else "NaN or infinity", first


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
        with opened_sink(aside) as sink:
            soundfile.write(sink, audio.T, rate, subtype=subtype, format=kind)
        if kind == "WAV":
            forget_time(aside)


def forget_time(path: Path) -> None:
    """Zero the time of writing in the WAV or RF64 file at `path`, so that the same audio is the same bytes.

    libsndfile notes it in the chunk PEAK after four bytes of its version.
    """
    with path.open("r+b") as file:
        file.seek(12)  # past RIFF, its size and WAVE
        while len(head := file.read(8)) == 8 and head[:4] != b"data":
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"PEAK":
                file.seek(4, os.SEEK_CUR)
                file.write(bytes(4))
                return
            file.seek(size + size % 2, os.SEEK_CUR)


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


def cancelling(audio: np.ndarray) -> int | None:
    """The loudest channel of `audio` [channels, T] where the channels cancel in their mean; None elsewhere.

    They do where their mean holds less than a hundredth of their mean energy, constant offsets aside: such is
    stereo of opposite polarity. A sound in one of twelve channels holds a twelfth.
    """
    return loudest_where_cancelled(audio.var(axis=1), to_mono(audio).var())


def loudest_where_cancelled(energies: np.ndarray, mean: float) -> int | None:
    """The same, from the `energies` [channels] of the channels and that of their `mean`."""
    return None if mean >= _CANCELLED * energies.mean() else int(energies.argmax())


def _check_extent(path: Path, *, length: int, start: int, count: int) -> None:
    if length == 0:
        raise ValueError(f"{path} has no audio in it (0 frames): make or download it again")
    if start < 0 or count <= 0 or start + count > length:
        raise ValueError(
            f"frames {start} to {start + count} are not in {path}, which has {length}: ask for fewer"
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors of libsndfile into a ValueError that names the file."""
    try:
        yield
    except (soundfile.LibsndfileError, RuntimeError) as error:
        why = getattr(error, "error_string", str(error)).strip(
            "."
        )  # without the name, which is there already
        unknown = why == "Format not recognised"  # as of AAC in MP4, which libsndfile does not read
        remedy = "convert it to WAV or FLAC, or make it again" if unknown else "make or download it again"
        raise ValueError(f"{path} is damaged or no audio file ({why}): {remedy}") from error


def stated_frames(file: SoundStream) -> int | None:
    """The frames that the header of an open file says it has; None where it does not say."""
    return file.stated if file.stated is not None or file.frames >= UNKNOWN else int(file.frames)


def _read_to_end(path: Path, file: SoundStream) -> np.ndarray:
    """All samples [channels, T], whatever the header says; ValueError where it says more than there are."""
    stated = stated_frames(file)
    asked = min((stated or 0) + _BLOCK, _MOST)
    blocks = [file.read(asked, dtype="float32", always_2d=True)]
    while len(blocks[-1]) == asked:
        asked = _BLOCK
        blocks.append(file.read(asked, dtype="float32", always_2d=True))
    audio: np.ndarray = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if stated is not None and len(audio) < stated:
        raise ends_early(path, len(audio), stated)
    return audio.T


def ends_early(path: Path, found: int, stated: int) -> ValueError:
    """The error for a file that was cut."""
    return ValueError(f"{path} ends after {found} of {stated} frames: make or download it again")
