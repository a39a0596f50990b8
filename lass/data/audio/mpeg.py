"""How long an MP3 is that does not say so: its frames, counted.

Without an Info or Xing frame libsndfile takes the length from the first frame's bitrate: it reads less than
there is of variable bitrate, and seems to be cut of a constant one. Such a file gets an Info frame in front,
which is no sound and says the number of frames. Headers as in ISO/IEC 11172-3 and 13818-3.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}  # of MPEG-1, and of MPEG-2 and 2.5
_RATES = (44_100, 48_000, 32_000)
_ALIKE = 0xFFFE0C00  # bits of a header that all frames of a file share: version, layer, rate
_STATING = (b"Info", b"Xing", b"VBRI")
_TAGS = (b"TAG", b"APE", b"ID3", b"LYR")  # how what may follow the frames begins
_LEFT = 4096  # bytes after the frames that may be anything: padding, or a frame that was cut


@dataclass(frozen=True)
class _Frame:
    """What the four bytes at the beginning of a frame of layer III say."""

    bits: int
    first: bool  # MPEG-1
    size: int  # bytes
    side: int  # bytes of side information, of a frame without a checksum


def _parse(head: bytes) -> _Frame | None:
    """The frame that `head` begins; None where it begins none, or one of a bitrate that is not stated."""
    if len(head) < 4:
        return None
    bits = int.from_bytes(head, "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    kbits, rate = bits >> 12 & 15, bits >> 10 & 3
    if bits >> 21 != 0x7FF or version == 1 or layer != 1 or kbits in (0, 15) or rate == 3:
        return None
    first, mono = version == 3, bits >> 6 & 3 == 3
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    size = (144 if first else 72) * 1000 * _KBITS[first][kbits] // hertz + (bits >> 9 & 1)
    return _Frame(bits, first, size, {(True, False): 32, (False, True): 9}.get((first, mono), 17))


def stating_frame(file: BinaryIO) -> tuple[bytes, int] | None:
    """An Info frame for the MP3 `file`, and the byte at which its frames begin.

    None where the file says its length, or is not made of frames from beginning to end: libsndfile may say
    what it is.
    """
    begin = _after_tags(file)
    file.seek(begin)
    first = _parse(file.read(4))
    if first is None:
        return None
    content = file.read(first.size)
    if any(each in content for each in _STATING):
        return None
    frames, at, end = 0, begin, file.seek(0, io.SEEK_END)
    while at < end:
        file.seek(at)
        head = file.read(4)
        frame = _parse(head)
        if frame is None or frame.bits & _ALIKE != first.bits & _ALIKE:
            if head[:3] not in _TAGS and end - at > _LEFT:
                return None
            break
        if at + frame.size > end:  # cut
            break
        frames, at = frames + 1, at + frame.size
    return _info(first, frames), begin


def _after_tags(file: BinaryIO) -> int:
    """The first byte behind the tags (ID3v2) that a file begins with."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            return at
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _info(like: _Frame, frames: int) -> bytes:
    """A frame without sound, in the form of the frame `like`, that says how many there are."""
    bits = like.bits & ~(15 << 12 | 1 << 9) | 1 << 16 | (9 if like.first else 8) << 12  # no checksum
    head = bits.to_bytes(4, "big")
    silent = _parse(head)
    assert silent is not None, "of a frame that was parsed"
    said = b"Info" + struct.pack(">II", 1, frames)
    return (head + bytes(silent.side) + said).ljust(silent.size, b"\0")
