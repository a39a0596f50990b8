"""From packages to recordings of one level, none of them short, each in the split that its bytes decide."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lass.data.audio.files import read_sound
from lass.data.audio.packages import Piece, joined, levelled, without_silence, write_packaged
from lass.data.audio.utterances import find_recordings
from lass.data.package_settings import Packages, Selected
from tests.data.packages import sound, write_package

RATE = 8000
WORDS = {"package": "words", "voice": "ann", "split": "train", "files": ["*.wav"]}


def tone(seconds: float, *, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    """A sine [T] whose root of the mean square is `level` / sqrt(2)."""
    return level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


def packages(*selected: dict[str, Any], **more: Any) -> Packages:
    return Packages(classes={"speech": [Selected(**each) for each in selected]}, **more)


def level_of(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def test_level_by_hand() -> None:
    assert level_of(levelled(tone(1, level=0.01), decibels=-20)) == pytest.approx(-20, abs=0.01)
    click = np.zeros(800)
    click[0] = 1.0  # at -29 dB; its peak must not pass 1
    assert np.abs(levelled(click, decibels=-20)).max() == pytest.approx(1.0)


def test_silence_at_both_ends() -> None:
    wave = np.concatenate([np.zeros(4000), tone(0.5), tone(0.25, level=0.0005), tone(0.25), np.zeros(1600)])
    cut = without_silence(wave, rate=RATE, quiet=40.0)
    assert len(cut) == 8000, "what is soft in the middle stays"
    faint = np.concatenate([tone(0.5), tone(0.5, level=0.0005)])  # 46 dB softer
    assert len(without_silence(faint, rate=RATE, quiet=40.0)) == 4000
    assert len(without_silence(faint, rate=RATE, quiet=60.0)) == 8000
    assert len(without_silence(np.zeros(1000), rate=RATE, quiet=40.0)) == 0


def test_short_pieces_are_joined() -> None:
    pieces = [Piece(number / 6, tone(0.6)) for number in range(6)]
    settings = packages(WORDS, seconds=1.0, gaps=(0.1, 0.1), levels=(-22.0, -22.0))
    found = list(joined(pieces, settings, rate=RATE))
    assert [len(each) for each in found] == [round(1.3 * RATE)] * 3, "two pieces and a gap"
    assert not found[0][round(0.6 * RATE) : round(0.7 * RATE)].any()
    assert all(level_of(each) == pytest.approx(-22, abs=0.01) for each in found)
    found = list(joined(pieces[:5], settings, rate=RATE))
    assert [len(each) for each in found] == [round(1.3 * RATE), round(2.0 * RATE)], "no short rest"
    assert [len(each) for each in joined(pieces[:1], settings, rate=RATE)] == [round(0.6 * RATE)]
    assert list(joined([], settings, rate=RATE)) == []


def test_recordings_of_packages(tmp_path: Path) -> None:
    """Of other rates and formats, stereo, in a zip, in folders that the reader of utterances knows."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as held:
        held.writestr("sound/a.ogg", sound(tone(2, rate=44100), 44100, form="OGG"))
        held.writestr("readme.txt", "no sound")
    stereo = np.stack([tone(2), -tone(2)], axis=1)
    write_package(tmp_path, "words", {"w/1.wav": sound(tone(2), RATE), "w/2.wav": sound(stereo, RATE)})
    write_package(tmp_path, "game", {"data.pk3": inner.getvalue(), "skip/1.ogg": b"no audio"}, packing="gz")
    settings = packages(
        WORDS,
        {**WORDS, "package": "game", "voice": "bob", "files": ["*.ogg"], "zip": "data.pk3"},
        seconds=1.5,
    )
    seconds = write_packaged(tmp_path / "out", settings, root=tmp_path, split="train", rate=RATE)
    assert seconds["speech"] == pytest.approx(6.0, abs=0.1)
    listing = find_recordings(tmp_path / "out", classes=("speech",), files={})
    assert [each.name for each in listing.recordings] == [
        "speech/ann/00001", "speech/ann/00002", "speech/bob/00001",
    ]  # fmt: skip
    for recording in listing.recordings:
        written = read_sound(recording.stems["speech"][0], rate=RATE)
        assert -25.1 <= level_of(written.samples) <= -19.9
    assert (tmp_path / "out/Licences/game").read_text() == "Licence: as you like"


def test_splits_share_no_file_and_depend_on_bytes_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clips = {f"w/{number:03d}.wav": rng.standard_normal(800) * 0.1 for number in range(60)}
    root = tmp_path / "one"
    write_package(root, "words", {path: sound(clip, RATE) for path, clip in clips.items()})
    again = tmp_path / "two"  # one more file, and other names: the rest stays where it is
    more = {
        "w/new.wav": rng.standard_normal(800) * 0.1,
        **{f"{path}.wav": clip for path, clip in clips.items()},
    }
    write_package(again, "words", {path: sound(clip, RATE) for path, clip in more.items()})
    settings = packages({**WORDS, "split": None}, seconds=0.05)  # every clip is a recording

    def recordings(home: Path, split: str) -> set[bytes]:
        out = home / split
        write_packaged(out, settings, root=home, split=split, rate=RATE)
        return {path.read_bytes() for path in sorted(out.rglob("*.flac"))}

    first = {split: recordings(root, split) for split in ("train", "validation", "test")}
    assert [len(each) for each in first.values()] == [48, 9, 3]
    assert not first["train"] & first["test"]
    second = {split: recordings(again, split) for split in first}
    assert sum(len(second[split] - first[split]) for split in first) == 1
    assert all(first[split] <= second[split] for split in first)


def test_levels_and_pauses_are_drawn() -> None:
    """Within their bounds, by the bytes of each file."""
    pieces = [Piece(drawn, tone(0.6)) for drawn in (0.0, 0.5, 1.0, 0.25)]
    settings = packages(WORDS, seconds=1.0, gaps=(0.1, 0.3), levels=(-26.0, -20.0))
    first, second = joined(pieces, settings, rate=RATE)
    assert [len(first), len(second)] == [round(1.4 * RATE), round(1.35 * RATE)]
    spoken = 10 * np.log10([1.2 / 1.4, 1.2 / 1.35])  # of the pauses nothing is heard
    assert level_of(first) == pytest.approx(-26.0, abs=0.01)
    assert level_of(second) == pytest.approx(-20.0, abs=0.01)
    assert level_of(first[: round(0.6 * RATE)]) == pytest.approx(-26.0 - spoken[0], abs=0.01)


def test_an_entry_takes_no_file_of_anothers_zip(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as held:
        held.writestr("1.wav", sound(tone(2), RATE))
    write_package(tmp_path, "words", {"w/1.wav": sound(tone(2), RATE), "w/d.pk3": inner.getvalue()})
    settings = packages(WORDS, {**WORDS, "voice": "bob", "zip": "w/d.pk3"}, seconds=1.0)
    seconds = write_packaged(tmp_path / "out", settings, root=tmp_path, split="train", rate=RATE)
    assert seconds == {"speech": pytest.approx(4.0)}


@pytest.mark.parametrize("splits", [("train", "train"), ("train", "test"), (None, "train")])
def test_a_file_is_taken_once(tmp_path: Path, splits: tuple[str | None, str]) -> None:
    """Twice it would be louder, or in two splits."""
    write_package(tmp_path, "words", {"1.wav": sound(tone(2), RATE), "2.wav": sound(tone(2), RATE)})
    first, second = splits
    settings = packages(
        {**WORDS, "split": first}, {**WORDS, "voice": "bob", "split": second, "files": ["1*"]}
    )
    said = "1.wav of .*words_1.0-1_all.deb is taken twice, by 'ann' and 'bob': name it in leave_out of one"
    with pytest.raises(ValueError, match=said):
        write_packaged(tmp_path / "out", settings, root=tmp_path, split="train", rate=RATE)


def test_what_cannot_be_taken(tmp_path: Path) -> None:
    whole = sound(tone(1), RATE)
    words = {"1.wav": whole, "2.wav": b"RIFF of nothing", "3.wav": whole[:9000]}
    write_package(tmp_path, "words", words)
    write_package(tmp_path, "twice", {})
    write_package(tmp_path, "twice", {}, version="2.0-1")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"package": "none"}, r"has no package none_\*.deb: fetch it there, with `apt-get download none`"),
        ({"package": "twice"}, "are both twice: keep one of them"),
        ({"files": ["*.flac"]}, r"has no file like \*.flac: correct files of 'ann'"),
        ({"zip": "x.pk3"}, r"words_1.0-1_all.deb has no file x.pk3: correct zip"),
        ({"zip": "1.wav"}, "1.wav in .*words_1.0-1_all.deb is no zip archive, or damaged"),
        (
            {"files": ["2.wav"]},
            r"^2.wav is damaged or no audio file .*; or name it in leave_out, as '2.wav'$",
        ),
        ({"files": ["3.wav"]}, r"^3.wav .*; or name it in leave_out, as '3.wav'$"),
        ({"split": "test"}, "packages.classes.speech has nothing for the split 'train'"),
    ]
    for changed, said in cases:
        settings = packages({**WORDS, **changed})
        with pytest.raises((ValueError, FileNotFoundError), match=said):
            write_packaged(tmp_path / "out", settings, root=tmp_path, split="train", rate=RATE)
    left = packages({**WORDS, "leave_out": ["[23]*"]}, seconds=0.5)
    assert write_packaged(tmp_path / "out", left, root=tmp_path, split="train", rate=RATE) == {"speech": 1.0}


def test_silence_alone_is_no_recording(tmp_path: Path) -> None:
    write_package(tmp_path, "words", {"1.wav": sound(np.zeros(8000), RATE)})
    with pytest.raises(ValueError, match="no recording of 'speech' is for the split 'train': name more"):
        write_packaged(tmp_path / "out", packages(WORDS), root=tmp_path, split="train", rate=RATE)


def test_settings_that_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"gaps \[0.3, 0.1\] is upside down: give the lower"):
        packages(WORDS, gaps=(0.3, 0.1))
    with pytest.raises(ValidationError, match=r"levels \[-10, -20\] is upside down"):
        packages(WORDS, levels=(-10.0, -20.0))
    with pytest.raises(ValidationError, match="package"):
        packages({**WORDS, "package": "../etc"})
