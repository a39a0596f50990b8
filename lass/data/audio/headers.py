"""What the header of an audio file says of its length, beside what the file holds.

libsndfile believes the header where it says less than is there, and says nothing where the file was cut.
`open_sound` finds both: it refuses a cut file and reads all of one whose header is wrong, as recorders that
were stopped, writers to a pipe and WAV of more than 4 GiB leave them.
"""

import io
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import soundfile

from lass.data.audio.mpeg import stating_frame

logger = logging.getLogger(__name__)
UNKNOWN = 2**62
"""Frames from which on libsndfile does not know the length."""
_W64 = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # what the names of chunks end in
_TAIL = {b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"smpl", b"fact", b"PEAK", b"JUNK", b"FLLR", b"iXML"}
_MOST = 0xFFFFFF00  # bytes of sound that a WAV or AIFF can state


@dataclass(frozen=True)
class _Form:
    """How a container lays out its chunks: a name, a size, that many bytes."""

    data: bytes  # name of the chunk of the samples
    first: int  # byte of the first chunk
    order: str  # of the bytes of a size
    size: str
    align: int = 1  # to which chunks are padded
    inclusive: bool = False  # whether a size counts the name and itself

    @property
    def head(self) -> int:
        """Bytes of a name and a size."""
        return len(self.data) + struct.calcsize(self.order + self.size)


_WAV = _Form(b"data", 12, "<", "I", align=2)
_FORMS = {
    b"RIFF": _WAV,
    b"RF64": _WAV,
    b"BW64": _WAV,
    b"RIFX": _Form(b"data", 12, ">", "I", align=2),
    b"FORM": _Form(b"SSND", 12, ">", "I", align=2),
    b"riff": _Form(b"data" + _W64, 40, "<", "Q", align=8, inclusive=True),
    b"caff": _Form(b"data", 8, ">", "Q"),
}


@dataclass(frozen=True)
class _Data:
    """The samples of a file."""

    field: int  # byte at which their size is stated
    start: int  # byte of the first
    stated: int  # bytes as the header says
    found: int  # bytes from the first to the end of the file
    fmt: bytes = b""  # what a WAV says of its samples


class SoundStream(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from front to back: what comes after the stated end is read, too."""

    stated: int | None = None  # frames as the header of FLAC says, whose own are hidden from libsndfile

    def seekable(self) -> bool:
        """False, so that soundfile neither cuts a read at the stated end nor seeks after it."""
        return False


@contextmanager
def open_sound(path: Path) -> Iterator[SoundStream]:
    """The audio file at `path`, with a right header whatever it has.

    ValueError where it is shorter than its header says; libsndfile's errors where it is no audio.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        if magic in _FORMS or magic == b".snd":
            prefix, start = _true_header(path, file, magic)
            yield from _opened(file, prefix, start)
        elif magic[:3] == b"ID3" or magic == b"fLaC":
            yield from _open_flac(file)
        else:
            if magic == b"OggS":
                _check_ogg(path, file)
            yield from _open_mpeg(file)


class _Spliced(io.RawIOBase):
    """`prefix`, and then a file from byte `start` to `stop`."""

    def __init__(self, prefix: bytes, file: BinaryIO, start: int, stop: int) -> None:
        super().__init__()
        self.prefix, self.file, self.start = prefix, file, start
        self.size, self.at = len(prefix) + stop - start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        wanted = min(len(buffer), max(0, self.size - self.at))
        part = self.prefix[self.at : self.at + wanted]
        if not part:
            self.file.seek(self.start + self.at - len(self.prefix))
            part = self.file.read(wanted)
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)


def _opened(file: BinaryIO, prefix: bytes, start: int, *, cut: int = 0) -> Iterator[SoundStream]:
    """The sound of `prefix` and then `file` from `start` to `cut` bytes before its end."""
    if not prefix and not cut:
        with SoundStream(os.fsencode(file.name)) as sound:  # a name may be no text
            yield sound
        return
    spliced = _Spliced(prefix, file, start, _length(file) - cut)
    with io.BufferedReader(spliced) as whole, SoundStream(whole) as sound:
        yield sound


def _length(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


# --- WAV, RF64, W64, AIFF, CAF, AU ---


def _true_header(path: Path, file: BinaryIO, magic: bytes) -> tuple[bytes, int]:
    """A right header and where the samples begin; nothing and 0 where the file's own is right."""
    data = _find_au(file) if magic == b".snd" else _find_data(file, _FORMS[magic], magic)
    if data is None:  # libsndfile says what is wrong with it
        return b"", 0
    supported = magic != b"BW64"  # which is RF64 under another name
    if data.stated == data.found or _has_tail(path, file, data, magic):
        return (b"", 0) if supported else _written(path, file, data, magic, data.stated)
    if not _is_placeholder(data.stated):
        if data.stated > data.found:
            raise ValueError(
                f"{path} ends after {data.start + data.found} of {data.start + data.stated} bytes: make or "
                "download it again"
            )
        logger.warning(
            "%s: its header says %d bytes of sound, but there are %d, which are all read",
            path,
            data.stated,
            data.found,
        )
    return _written(path, file, data, magic, data.found)


def _find_data(file: BinaryIO, form: _Form, magic: bytes) -> _Data | None:
    """The chunk of the samples; None where there is none."""
    size, at, large, fmt = _length(file), form.first, 0, b""
    while at + form.head <= size:
        name, stated = _read_head(file, at, form)
        start = at + form.head
        if name == form.data:
            if magic in (b"RF64", b"BW64") and stated == 0xFFFFFFFF:
                stated = large
            return _Data(at + len(name), start, stated, size - start, fmt)
        if name == b"ds64":
            _, large = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
        if name == b"fmt ":
            fmt = file.read(min(stated, size))
        at = start + stated + -stated % form.align
    return None


def _read_head(file: BinaryIO, at: int, form: _Form) -> tuple[bytes, int]:
    """Name of the chunk at byte `at`, and how many bytes follow its size."""
    file.seek(at)
    name = file.read(len(form.data))
    (stated,) = struct.unpack(form.order + form.size, file.read(form.head - len(name)))
    return name, max(0, stated - form.head) if form.inclusive else stated


def _find_au(file: BinaryIO) -> _Data | None:
    """The samples of an AU; None where its header is shorter than one can be."""
    size = _length(file)
    file.seek(4)
    start, stated = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
    return _Data(8, start, stated, max(0, size - start)) if start >= 24 else None


def _is_placeholder(stated: int) -> bool:
    """Whether writers to a pipe state this: SoX 0x7FFFF000, ffmpeg 0xFFFFFFFF, others 0 or near those."""
    return (
        stated == 0
        or 0x7FFF0000 <= stated <= 0x80000100
        or 0xFFFF0000 <= stated <= 0xFFFFFFFF
        or stated >= 2**63 - 2**17
    )


def _has_tail(path: Path, file: BinaryIO, data: _Data, magic: bytes) -> bool:
    """Whether what comes after the stated end is no sound but chunks, titles or less than 4 bytes."""
    if data.stated > data.found or magic == b".snd":
        return False
    form, size = _FORMS[magic], data.start + data.found
    end = data.start + data.stated
    for at in {end, end + -data.stated % form.align}:
        file.seek(at)
        name = file.read(4)
        if data.stated and name == magic:
            raise ValueError(f"{path} has a second recording from byte {at} on: make two files of it")
        if name in _TAIL or name[:3] in (b"TAG", b"ID3") or _are_chunks(file, at, size, form):
            return True
    return data.stated > 0 and data.found - data.stated < 4  # padding


def _are_chunks(file: BinaryIO, at: int, size: int, form: _Form) -> bool:
    """Whether named chunks, one after the other, end where the file ends."""
    first = at
    while at + form.head <= size:
        name, stated = _read_head(file, at, form)
        if not all(0x20 <= letter < 0x7F for letter in name[:4]):
            return False
        at += form.head + stated
        at += -stated % form.align if at < size else 0
    return at == size and at > first


def _written(path: Path, file: BinaryIO, data: _Data, magic: bytes, size: int) -> tuple[bytes, int]:
    """The file's header with `size` bytes of samples, and where they begin."""
    if data.fmt and (magic in (b"RF64", b"BW64") or size > _MOST) and magic != b"RIFX":
        return _rf64_header(data.fmt, size), data.start
    form = _FORMS.get(magic, _Form(b"", 0, ">", "I"))
    if form.size == "I" and size > _MOST:
        raise ValueError(
            f"{path} holds {size} bytes of sound, more than its format can say: convert it to FLAC"
        )
    file.seek(0)
    header = bytearray(file.read(data.start))
    stated = size + form.head if form.inclusive else size
    struct.pack_into(form.order + form.size, header, data.field, stated)
    whole = len(header) + size
    if magic == b"riff":
        struct.pack_into("<Q", header, 16, whole)
    elif magic in (b"RIFF", b"RIFX", b"FORM"):
        struct.pack_into(form.order + "I", header, 4, min(whole - 8, 0xFFFFFFFF))
    return bytes(header), data.start


def _rf64_header(fmt: bytes, size: int) -> bytes:
    """The header of RF64, which is WAV with room for sizes of 64 bits."""
    block = max(1, struct.unpack_from("<H", fmt.ljust(16, b"\0"), 12)[0])
    chunks = b"WAVEds64" + struct.pack("<IQQQI", 28, size + 72 + len(fmt), size, size // block, 0)
    chunks += b"fmt " + struct.pack("<I", len(fmt)) + fmt + bytes(len(fmt) % 2)
    return b"RF64\xff\xff\xff\xff" + chunks + b"data\xff\xff\xff\xff"


# --- FLAC and Ogg ---


def _open_flac(file: BinaryIO) -> Iterator[SoundStream]:
    """FLAC with an unknown length, so that its decoder reads to the end of the file.

    Another format behind a tag is opened as it is. libsndfile stops where the header says, and where that
    says nothing, an old tag at the end is noise to it.
    """
    at, size = 0, _length(file)
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3":
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=False))
    file.seek(at)
    header = bytearray(file.read(26))
    if header[:4] != b"fLaC" or len(header) < 26:
        yield from _open_mpeg(file)
        return
    stated = (header[21] & 0x0F) << 32 | int.from_bytes(header[22:26], "big")
    header[21] &= 0xF0
    header[22:26] = bytes(4)
    file.seek(max(0, size - 128))
    tag = 128 if file.read(3) == b"TAG" else 0
    for sound in _opened(file, bytes(header), at + 26, cut=tag):
        sound.stated = stated or None
        yield sound


def _open_mpeg(file: BinaryIO) -> Iterator[SoundStream]:
    """An MP3 that does not say its length, whole; another format as it is."""
    stating = stating_frame(file)
    if stating is None:
        yield from _opened(file, b"", 0)
        return
    for sound in _opened(file, *stating):
        sound.stated = 0  # decoders leave out what they begin with: what is read is what there is
        yield sound


def _check_ogg(path: Path, file: BinaryIO) -> None:
    """ValueError where an Ogg file ends within a page, or has another recording behind it.

    libsndfile reads what was before, and the first recording.
    """
    at, size, begun = 0, _length(file), False
    while at < size:
        file.seek(at)
        head = file.read(27)
        if head[:4] != b"OggS":  # tags, which are no pages
            return
        lengths = file.read(head[26]) if len(head) == 27 else b""
        end = at + 27 + (head[26] if len(head) == 27 else 0) + sum(lengths)
        if len(head) < 27 or end > size:
            raise ValueError(
                f"{path} ends within a page of Ogg, after {size} bytes: make or download it again"
            )
        if head[5] & 2 and begun:  # a page that begins a recording
            raise ValueError(f"{path} holds several recordings, one after the other: make a file of each")
        at, begun = end, not head[5] & 2
