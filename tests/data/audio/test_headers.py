"""Files whose headers say another length than they hold: all is read, and what was cut is refused by name."""

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass.data.audio.files import read_audio, read_sound

RATE, LENGTH = 8000, 6000
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (LENGTH, 2)).astype(np.float32)
LIST = b"LIST" + struct.pack("<I", 12) + b"INFOISFT\0\0\0\0"


def write(path: Path, form: str, *, subtype: str | None = "PCM_16") -> bytearray:
    """Two channels of noise in a format, and its bytes."""
    soundfile.write(path, SOUND, RATE, format=form, subtype=subtype)
    return bytearray(path.read_bytes())


def check_whole(path: Path) -> None:
    sound = read_sound(path)
    found = sound.samples
    assert found.shape == (2, LENGTH)
    np.testing.assert_allclose(found.T, SOUND, atol=4e-5)
    assert sound.rate == RATE


# --- WAV ---


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0x7FFFF024, 0x7FFFF000),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF - 36),
        (0, 0),
        (36, 0),
        (4 * LENGTH + 36, 0),
        (0x7FFFFFFF, 0x7FFFFFDB),
        (0x80000024, 0x80000000),
    ],
)
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_from_a_pipe(tmp_path: Path, form: str, riff: int, data: int) -> None:
    path = tmp_path / "a.wav"
    content = write(path, form)
    struct.pack_into("<I", content, 4, riff)
    struct.pack_into("<I", content, content.index(b"data") + 4, data)
    path.write_bytes(content)
    check_whole(path)


@pytest.mark.parametrize("riff", [LENGTH + 36, 4 * LENGTH + 36])
def test_wav_whose_header_says_a_quarter(tmp_path: Path, riff: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "WAV")
    struct.pack_into("<I", content, 4, riff)
    struct.pack_into("<I", content, content.index(b"data") + 4, LENGTH)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        check_whole(path)
    assert f"a.wav: its header says {LENGTH} bytes of sound, but there are {4 * LENGTH}" in caplog.text


def test_wav_of_more_than_four_gigabytes(tmp_path: Path) -> None:
    """Its size has wrapped around; the file has a hole, so that it takes no room."""
    path = tmp_path / "a.wav"
    content = write(path, "WAV")
    start, size = content.index(b"data") + 8, 2**32 + 4000
    struct.pack_into("<I", content, start - 4, size - 2**32)
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(start + size)
    np.testing.assert_allclose(read_audio(path, start=5, frames=9).T, SOUND[5:14], atol=4e-5)
    np.testing.assert_array_equal(read_audio(path, start=2**30 + 990, frames=10), np.zeros((2, 10)))


@pytest.mark.parametrize(
    "tail", [LIST, b"\0" + LIST, b"TAG" + bytes(125), b"ID3\4" + bytes(40), b"abcd\2\0\0\0xy", b"\0\0\0"]
)
def test_what_comes_after_the_sound_is_none(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, SOUND[:, 0], RATE, subtype="PCM_U8")  # an even number of bytes
    size = LENGTH
    content = bytearray(path.read_bytes())
    if tail[0] == 0 and len(tail) > 3:  # an odd number, so that the next chunk comes after a byte
        size -= 1
        struct.pack_into("<I", content, content.index(b"data") + 4, size)
        del content[-1]
    path.write_bytes(content + tail)
    assert read_audio(path).shape == (1, size)


def test_an_empty_wav_with_titles_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "WAV")
    content = content[: content.index(b"data") + 8]
    struct.pack_into("<I", content, len(content) - 4, 0)
    path.write_bytes(content + LIST)
    with pytest.raises(ValueError, match=r"a\.wav has no audio in it"):
        read_audio(path)


def test_two_wav_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(2 * write(path, "WAV"))
    with pytest.raises(ValueError, match=rf"a\.wav has a second recording from byte {4 * LENGTH + 44} on"):
        read_audio(path)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "ULAW", "MS_ADPCM"])
def test_other_samples_of_wav(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "WAV", subtype=subtype)
    whole = read_audio(path)
    struct.pack_into("<I", content, content.index(b"data") + 4, 0xFFFFFFFF)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_audio(path), whole)


# --- its relatives ---


@pytest.mark.parametrize("size", [0, LENGTH, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_rf64(tmp_path: Path, magic: bytes, size: int) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "RF64")
    content[:4] = magic
    path.write_bytes(content)
    check_whole(path)
    struct.pack_into("<Q", content, 28, size)
    path.write_bytes(content)
    check_whole(path)


@pytest.mark.parametrize(
    ("form", "name", "offset", "field", "sizes"),
    [
        ("W64", b"data\xf3", 16, "<Q", [0, LENGTH + 24, 2**64 - 1]),
        ("CAF", b"data", 4, ">Q", [0, LENGTH + 4, 2**64 - 1]),
        ("AIFF", b"SSND", 4, ">I", [0, LENGTH + 8, 0x7FFFF000, 2**32 - 1]),
        ("AU", b".snd", 8, ">I", [0, LENGTH, 2**32 - 1]),
    ],
)
def test_other_containers(
    tmp_path: Path, form: str, name: bytes, offset: int, field: str, sizes: list[int]
) -> None:
    path = tmp_path / "a.sound"
    content = write(path, form)
    check_whole(path)
    for size in sizes:
        struct.pack_into(field, content, content.index(name) + offset, size)
        path.write_bytes(content)
        check_whole(path)


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64", "W64", "CAF", "AIFF", "AU", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_cut_files_are_refused(tmp_path: Path, form: str, share: float) -> None:
    path = tmp_path / "a.sound"
    content = write(path, form, subtype=None)
    read_audio(path)
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"a\.sound (ends|is damaged)"):
        read_audio(path)


# --- FLAC ---


def flac(stated: int, path: Path) -> bytearray:
    """A FLAC that says so many samples; 0 means that it does not know."""
    content = write(path, "FLAC")
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", stated)
    return content


@pytest.mark.parametrize("stated", [0, LENGTH // 4, LENGTH])
@pytest.mark.parametrize(
    ("head", "tail"),
    [(b"", b""), (b"ID3\4\0\0\0\0\0\x0a" + bytes(10), b""), (b"", b"TAG" + bytes(125))],
)
def test_flac_of_another_length(tmp_path: Path, stated: int, head: bytes, tail: bytes) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(head + flac(stated, path) + tail)
    check_whole(path)
    np.testing.assert_allclose(read_audio(path, start=LENGTH - 9, frames=9).T, SOUND[-9:], atol=4e-5)


def test_flac_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac(LENGTH + 1, path))
    with pytest.raises(ValueError, match=rf"a\.flac ends after {LENGTH} of {LENGTH + 1} frames"):
        read_audio(path)
    content = flac(0, path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.flac is damaged"):
        read_audio(path)


def test_mp3_without_a_length(tmp_path: Path) -> None:
    """A constant rate, and no frame that says how many there are."""
    path = tmp_path / "a.mp3"
    content = bytes(write(path, "MP3", subtype=None))
    first = content.index(content[:2], 4)
    path.write_bytes(b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + content[first:])
    assert read_audio(path).shape[1] >= LENGTH


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\0\x0a" + bytes(10)])
def test_mp3_that_does_not_say_its_length(tmp_path: Path, tag: bytes, rate: int, mode: str) -> None:
    """Its first frame, which says it, is taken away; with quiet and loud parts the first is like no other."""
    path, length = tmp_path / "a.mp3", 3 * rate
    rng = np.random.default_rng(0)
    sound = 0.3 * rng.standard_normal((length, 2)) * np.linspace(0, 1, length)[:, None] ** 3
    settings = {"samplerate": rate, "channels": 2, "format": "MP3", "bitrate_mode": mode}
    with soundfile.SoundFile(path, "w", compression_level=0.5, **settings) as file:
        file.write(sound)
    whole, content = read_audio(path), path.read_bytes()
    frame = content.index(content[:2], 4)
    assert b"Info" in content[:frame] or b"Xing" in content[:frame]
    path.write_bytes(tag + content[frame:] + b"TAG" + bytes(125))
    found = read_audio(path)
    assert length <= found.shape[1] < length + 4 * 1152, "and what the encoder added before and after"
    starts = [found[0, at : at + length // 2] for at in range(2 * 1152)]
    distances = [np.abs(start - whole[0, : length // 2]).max() for start in starts[::1] if len(start)]
    assert min(distances) < 1e-3
    path.write_bytes(tag + content[frame:-50])
    assert found.shape[1] - 2 * 1152 <= read_audio(path).shape[1] <= found.shape[1], "the last frame is cut"


def test_ogg_with_another_recording_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    content = bytes(write(path, "OGG", subtype="VORBIS"))
    assert read_audio(path).shape == (2, LENGTH)
    path.write_bytes(content + content)
    with pytest.raises(ValueError, match=r"a\.ogg holds several recordings, one after the other"):
        read_audio(path)


def test_au_whose_header_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.au").write_bytes(b".snd" + bytes(40))
    with pytest.raises(ValueError, match=r"a\.au is damaged"):
        read_audio(tmp_path / "a.au")
