"""Folders of songs with a file per stem: MUSDB18-HQ, Slakh as msdm has it, and names of one's own."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.audio.files import write_audio
from lass.data.audio.recordings import list_recordings, read_sources
from lass.data.audio.stems import find_recordings

RATE = 8000
MUSDB = ("mixture", "drums", "bass", "other", "vocals")


def song(home: Path, *names: str) -> Path:
    """Files of 900 samples at a level that their place in the list says: 0.01, 0.02, ..."""
    for number, name in enumerate(names):
        write_audio(home / name, np.full((2, 900), (number + 1) / 100, dtype=np.float32), rate=RATE)
    return home


def test_musdb(tmp_path: Path) -> None:
    for split, songs in (("train", ("B - x", "A - y", "C")), ("test", ("D",))):
        for name in songs:
            song(tmp_path / split / name, *[f"{stem}.wav" for stem in MUSDB])
    asked = {"root": tmp_path, "classes": ("vocals", "bass"), "files": {}, "held_out": 1}
    found = {
        split: list_recordings("lass.data.audio.stems", split=split, **asked)  # type: ignore[arg-type]
        for split in ("train", "validation", "test")
    }
    names = {split: [part.name for part in listing.recordings] for split, listing in found.items()}
    assert names == {"train": ["A - y", "C"], "validation": ["B - x"], "test": ["D"]}
    sources = read_sources(found["test"].recordings[0], rate=RATE)
    np.testing.assert_allclose(sources[:, 0], [0.05, 0.03], atol=1e-6)


def test_slakh_of_multi_source_diffusion(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        song(tmp_path / split / "Track00001", "bass.wav", "drums.wav", "guitar.wav", "piano.wav")
    listing = list_recordings(
        "lass.data.audio.stems",
        root=tmp_path,
        split="validation",
        classes=["piano", "drums"],
        files={},
        held_out=None,
    )
    (track,) = listing.recordings
    assert {name: [path.name for path in paths] for name, paths in track.stems.items()} == {
        "piano": ["piano.wav"],
        "drums": ["drums.wav"],
    }


def test_names_of_ones_own(tmp_path: Path) -> None:
    home = song(tmp_path / "song", "Kick.WAV", "snare.flac", "Upright Bass.wav", "bass.txt.flac")
    song(tmp_path / "less", "SNARE.wav", "bass.wav")
    files = {"drums": ["kick", "Snare", "kick.wav", "hat"], "bass": ["upright bass", "bass"]}
    listing = find_recordings(tmp_path, classes=("bass", "drums"), files=files)
    assert [recording.name for recording in listing.recordings] == ["less", "song"]
    less, whole = listing.recordings
    assert whole.stems["drums"] == (home / "Kick.WAV", home / "snare.flac")
    assert whole.stems["bass"] == (home / "Upright Bass.wav",)
    assert [path.name for path in less.stems["drums"]] == ["SNARE.wav"]
    np.testing.assert_allclose(read_sources(whole, rate=RATE)[:, 0], [0.03, 0.01 + 0.02], atol=1e-6)


def test_one_file_of_two_suffixes(tmp_path: Path) -> None:
    for name in ("bass.flac", "Bass.wav"):
        song(tmp_path / "song", name)
    song(tmp_path / "song", "drums.wav")
    song(tmp_path / "other", "bass.wav", "drums.wav")
    listing = find_recordings(tmp_path, classes=("bass",), files={})
    assert [recording.name for recording in listing.recordings] == ["other"]
    assert "Bass.wav and " in listing.damaged["song"]
    assert "bass.flac are both called 'bass'" in listing.damaged["song"]
    assert find_recordings(tmp_path, classes=("drums",), files={}).damaged == {}


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    song(tmp_path / "one", "drums.wav")
    (tmp_path / "one" / "bass.wav").symlink_to(tmp_path / "gone.wav")
    (tmp_path / "two").symlink_to(tmp_path / "renamed")
    listing = find_recordings(tmp_path, classes=("bass", "drums"), files={})
    assert (listing.recordings, listing.left_out) == ((), {})
    assert "one/bass.wav is a link to " in listing.damaged["one"]
    assert "two is a link to " in listing.damaged["two"]
    (found,) = find_recordings(tmp_path, classes=("drums",), files={}).recordings
    assert found.name == "one", "a link that is not asked for does no harm"


def test_songs_that_lack_a_class_are_left_out(tmp_path: Path) -> None:
    song(tmp_path / "whole", "drums.wav", "bass.wav")
    song(tmp_path / "half", "drums.wav", "._bass.wav", "bass.txt.flac")
    (tmp_path / "half" / "bass.txt").write_text("no audio")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "notes.txt").write_text("no song")
    listing = find_recordings(tmp_path, classes=("drums", "bass"), files={"bass": ["bass", "sub"]})
    assert [recording.name for recording in listing.recordings] == ["whole"]
    assert listing.left_out == {
        "half": "no audio file called bass or sub among bass.txt, bass.txt.flac, drums.wav",
        "empty": "no audio file called drums, bass or sub",
    }


def test_a_folder_without_songs(tmp_path: Path) -> None:
    song(tmp_path, "drums.wav")
    with pytest.raises(ValueError, match=r"has no folder of a song: lay it out as <root>/<split>/<song>"):
        find_recordings(tmp_path, classes=("drums",), files={})
