"""Recordings of any length, block by block: read, resampled and written without being held whole."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

from lass.data.audio.files import ends_early, forget_time, reading, stated_frames, unfit
from lass.data.audio.headers import open_sound
from lass.writing import Sink, aside_of, sweep, undisturbed

BLOCK = 2**18  # frames that are read at once
_FASTEST_FLAC = 655_350  # Hz
_RF64 = 2**32 - 2**20  # bytes from which on a WAV needs the header of an RF64
_FULL = 2**20  # bytes: where fewer are free, that is why a file could not be written


@dataclass(frozen=True)
class Excerpt:
    """Which part of a recording is meant."""

    start: float = 0.0  # seconds
    end: float | None = None  # seconds; None: to the end

    def frames(self, rate: int) -> tuple[int, int | None]:
        """First frame, and the one after the last."""
        return round(self.start * rate), None if self.end is None else round(self.end * rate)


WHOLE = Excerpt()


@dataclass(frozen=True)
class Survey:
    """What a first look at a recording says."""

    rate: int  # Hz
    channels: int
    frames: int  # of the excerpt
    energies: np.ndarray  # [channels + 1]: mean square of every channel, and of their mean
    peak: float  # full scale is 1


@contextmanager
def opened_blocks(path: Path, excerpt: Excerpt = WHOLE) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Rate and blocks [channels, n] float32 of the recording at `path`, read as they are asked for.

    FileNotFoundError where there is none; ValueError, naming the file, where it is no audio, is cut, has no
    frame or no excerpt like that, or holds NaN or infinity.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {what}: give a recording")
    with ExitStack() as stack:
        with reading(path), undisturbed():  # and not what is done with the blocks: its errors are others
            file = stack.enter_context(open_sound(path))
        yield int(file.samplerate), finite(path, _blocks(path, file, *excerpt.frames(file.samplerate)))


def blocks_of(audio: np.ndarray) -> Iterator[np.ndarray]:
    """Audio [channels, T] that is at hand, in blocks."""
    yield from (audio[:, begin : begin + BLOCK] for begin in range(0, audio.shape[1], BLOCK))


def survey_array(audio: np.ndarray, rate: int) -> Survey:
    """The same of audio [channels, T] that is at hand; ValueError for NaN or infinity."""
    return _surveyed(finite("the audio", blocks_of(audio)), rate)


def survey(path: Path, excerpt: Excerpt = WHOLE) -> Survey:
    """Read the recording once from front to back; errors as of `opened_blocks`."""
    with opened_blocks(path, excerpt) as (rate, blocks):
        return _surveyed(blocks, rate)


def _surveyed(blocks: Iterator[np.ndarray], rate: int) -> Survey:
    frames, peak, squares = 0, 0.0, np.zeros(0)
    for block in blocks:
        parts = np.concatenate([block, block.mean(axis=0, keepdims=True)]).astype(np.float64)
        squares = np.square(parts).sum(axis=1) + (squares if frames else 0.0)
        peak = max(peak, float(np.abs(block).max()))
        frames += block.shape[1]
    return Survey(rate, len(squares) - 1, frames, squares / frames, peak)


def _blocks(path: Path, file: soundfile.SoundFile, start: int, end: int | None) -> Iterator[np.ndarray]:
    """The frames from `start` to `end`; every frame before them is read, too."""
    stated, at = stated_frames(file), 0
    if end is not None and end <= start:
        raise ValueError(f"{path}: the excerpt ends at frame {end}, before it begins at {start}")
    while end is None or at < end:
        wanted = BLOCK if end is None else min(BLOCK, end - at)
        with reading(path), undisturbed():
            block = file.read(wanted, dtype="float32", always_2d=True).T
        if block.shape[1] == 0:
            break
        if at + block.shape[1] > start:
            yield np.ascontiguousarray(block[:, max(0, start - at) :])
        at += block.shape[1]
    if at == 0:
        raise ValueError(f"{path} has no audio in it (0 frames): make or download it again")
    if stated is not None and at < min(stated, end or stated):
        raise ends_early(path, at, stated)
    if at <= start or (end is not None and at < end):
        seconds = at / file.samplerate
        raise ValueError(f"{path} lasts {seconds:.2f} s: ask for an excerpt that lies in it")


def finite(what: object, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same blocks; ValueError, naming `what` they are of, at the first that holds what is no sample."""
    at = 0
    for block in blocks:
        found = unfit(block)
        if found is not None:
            raise ValueError(
                f"{what} holds {found[0]} at frame {at + found[1]} of what was asked for: make or download "
                "it again"
            )
        at += block.shape[1]
        yield block


@dataclass
class Resampler:
    """Resamples rows [R, n] that come in blocks, as a whole: the bounds of the blocks leave no trace."""

    source_rate: int  # Hz
    target_rate: int
    rows: int
    stream: soxr.ResampleStream | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Open the stream, where the rates differ."""
        if self.source_rate != self.target_rate:
            self.stream = soxr.ResampleStream(
                self.source_rate, self.target_rate, self.rows, dtype="float32", quality="HQ"
            )

    def hear(self, block: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Rows [R, n'] that are final after the rows `block` [R, n]; all of them after the `last`."""
        if self.stream is None:
            return block
        made = self.stream.resample_chunk(np.ascontiguousarray(block.T, dtype=np.float32), last=last)
        return np.asarray(made, dtype=np.float32).reshape(-1, self.rows).T


@dataclass
class Writers:
    """Files of sources that are written side by side; none appears before all are whole."""

    rate: int
    channels: int
    frames: int  # that will be written
    comment: str = ""  # that the files carry: how they were made
    clipped: int = 0  # samples beyond full scale, where the format knows none
    files: list[tuple[Path, soundfile.SoundFile]] = field(default_factory=list)

    def write(self, parts: np.ndarray) -> None:
        """Append [N, channels, n]; OSError, naming the file, where there is no room."""
        for (path, file), part in zip(self.files, parts, strict=True):
            if file.format == "FLAC":
                self.clipped += int((np.abs(part) > 1).sum())
            with _writing(path), undisturbed():
                file.write(np.clip(part, -1, 1).T if file.format == "FLAC" else part.T)


@contextmanager
def opened_writers(
    paths: list[Path], *, rate: int, channels: int, frames: int, comment: str = ""
) -> Iterator[Writers]:
    """Writers of .wav (32-bit floats) or .flac (24 bits) files, renamed where the block ends without error.

    OSError, naming the file, where the disk is full or the folder must not be written to; ValueError for
    another suffix, and for more than a .flac can hold.
    """
    for path in paths:
        if path.suffix not in (".wav", ".flac"):
            raise ValueError(f"{path} ends in {path.suffix!r}: use .wav or .flac")
        if path.suffix == ".flac" and (channels > 8 or rate > _FASTEST_FLAC):
            raise ValueError(
                f"{path}: FLAC holds 8 channels of {_FASTEST_FLAC} Hz at most, not {channels} of {rate}: "
                "use .wav"
            )
    writers = Writers(rate, channels, frames, comment)
    # Another process may write into the same folder: each has its own files until they are whole.
    asides = [aside_of(path) for path in paths]
    for folder in {path.parent for path in paths}:
        sweep(folder)
    try:
        with ExitStack() as stack:
            for path, aside in zip(paths, asides, strict=True):
                writers.files.append((path, stack.enter_context(_created(path, aside, writers))))
            yield writers
        _replace(asides, paths)
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


def _replace(asides: list[Path], paths: list[Path]) -> None:
    """Rename all or none."""
    placed: list[Path] = []
    try:
        for aside, path in zip(asides, paths, strict=True):
            placed.append(path)
            aside.replace(path)
    except BaseException:  # a signal comes between two of them, too
        for path, aside in zip(placed, asides, strict=False):
            if not aside.exists():
                path.unlink(missing_ok=True)
        raise


@contextmanager
def _created(path: Path, aside: Path, writers: Writers) -> Iterator[soundfile.SoundFile]:
    """The open file `aside` that will be `path`.

    libsndfile gets no name: then a name may hold any byte, and the system says what is wrong.
    """
    flac, size = path.suffix == ".flac", writers.frames * writers.channels * 4
    form, subtype = ("FLAC", "PCM_24") if flac else ("RF64" if size > _RF64 else "WAV", "FLOAT")
    number = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        if not flac:
            _make_room(number, size, path)
        sink = Sink(os.fdopen(number, "r+b", buffering=0, closefd=False))
        with _writing(path):
            file = soundfile.SoundFile(
                sink, "w", samplerate=writers.rate, channels=writers.channels, format=form, subtype=subtype,
            )  # fmt: skip
            try:
                if writers.comment:
                    file.comment = writers.comment
                yield file
            finally:
                try:
                    with undisturbed():
                        file.close()
                finally:
                    if sink.failure is not None:  # of which libsndfile says nothing, or not what it was
                        raise OSError(sink.failure.errno, sink.failure.strerror, str(path)) from None
        if not flac:
            forget_time(aside)
    finally:
        os.close(number)


def _make_room(number: int, size: int, path: Path) -> None:
    """Have the disk set the bytes aside: one that is too full is told from before anything is separated."""
    if not hasattr(os, "posix_fallocate"):  # as on macOS
        return
    try:
        os.posix_fallocate(number, 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn errors of libsndfile, which hides what the system said, into an OSError that names the file."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        full = shutil.disk_usage(path.parent).free < _FULL
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
