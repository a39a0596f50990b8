"""Folders of recordings of one class each, from files to mixtures of two speakers."""

from pathlib import Path

import numpy as np
import pytest

from lass.data.audio.extraction import write_sources
from lass.data.audio.files import write_audio
from lass.data.audio.recordings import list_recordings
from lass.data.audio.tracks import open_tracks
from lass.data.audio.utterances import find_recordings
from lass.data.mixtures import Mixtures
from lass.data.settings import AudioLibrarySettings, MixtureDraw

RATE = 8000


def speak(folder: Path, *names: str, level: float = 0.1, length: int = 400) -> None:
    for name in names:
        write_audio(folder / name, np.full(length, level, dtype=np.float32), rate=RATE)


def test_every_file_is_a_recording(tmp_path: Path) -> None:
    speak(tmp_path, "ann/1.wav", "ann/book/chapter/2.FLAC", "bob/x.wav", "carl/y.wav")
    speak(tmp_path, "bob/._x.wav", "bob/.trash/z.wav")
    (tmp_path / "bob" / "x.txt").write_text("what bob says")
    (tmp_path / "bob" / ".DS_Store").write_text("")
    listing = find_recordings(tmp_path, classes=("bob", "ann"), files={})
    assert [recording.name for recording in listing.recordings] == ["ann/1", "ann/book/chapter/2", "bob/x"]
    assert [list(recording.stems) for recording in listing.recordings] == [["ann"], ["ann"], ["bob"]]
    assert listing.recordings[1].stems["ann"] == (tmp_path / "ann/book/chapter/2.FLAC",)
    assert listing.left_out == {}


def test_folders_of_a_class(tmp_path: Path) -> None:
    speak(tmp_path, "19/1.wav", "26/deep/2.wav", "27/3.wav")
    files = {"women": ["19", "26/deep"], "men": ["27"]}
    listing = find_recordings(tmp_path, classes=("men", "women"), files=files)
    assert {recording.name: list(recording.stems) for recording in listing.recordings} == {
        "19/1": ["women"],
        "26/deep/2": ["women"],
        "27/3": ["men"],
    }


def test_folders_that_are_refused(tmp_path: Path) -> None:
    speak(tmp_path, "ann/1.wav")
    with pytest.raises(FileNotFoundError, match=r"has no folder 'bob' of class 'bob': lay it out as <root>"):
        find_recordings(tmp_path, classes=("ann", "bob"), files={})
    (tmp_path / "bob").mkdir()
    with pytest.raises(ValueError, match=r"bob has no audio file \(\.wav, .*: lay it out as <root>/<split>"):
        find_recordings(tmp_path, classes=("ann", "bob"), files={})
    with pytest.raises(ValueError, match="of classes 'bob' and 'ann' at once: give each"):
        find_recordings(tmp_path, classes=("ann", "bob"), files={"bob": ["ann"]})


def test_two_files_of_one_name_and_links(tmp_path: Path) -> None:
    speak(tmp_path, "ann/1.wav", "ann/1.flac", "ann/2.wav", "elsewhere/deep/3.wav")
    home = tmp_path / "ann"
    (home / "linked").symlink_to(tmp_path / "elsewhere")
    (home / "circle").symlink_to(home)
    (home / "gone.wav").symlink_to(tmp_path / "x.wav")
    (home / "lost").symlink_to(tmp_path / "nowhere")
    (home / "notes.txt").symlink_to(tmp_path / "notes.txt")
    listing = find_recordings(tmp_path, classes=("ann",), files={})
    assert [recording.name for recording in listing.recordings] == ["ann/2", "ann/linked/deep/3"]
    assert sorted(listing.damaged) == ["ann/1", "ann/gone", "ann/lost"]
    assert "1.flac and" in listing.damaged["ann/1"]
    assert "1.wav are called alike" in listing.damaged["ann/1"]
    assert f"gone.wav is a link to {tmp_path}/x.wav, which is not there" in listing.damaged["ann/gone"]
    (tmp_path / "bob").symlink_to(tmp_path / "nobody")
    with pytest.raises(FileNotFoundError, match=r"bob is a link to .*nobody, which is not there"):
        find_recordings(tmp_path, classes=("bob",), files={})


def test_mixtures_of_two_speakers_of_one_class(tmp_path: Path) -> None:
    for number in range(6):
        speak(tmp_path / "all" / "train", f"speech/{number}/a.wav", level=0.1 * (number + 1), length=350)
    settings = AudioLibrarySettings(rate=RATE, classes=("speech",))
    asked = {"root": tmp_path / "all", "classes": settings.classes, "files": {}, "held_out": 2}
    libraries = {}
    for split in ("train", "validation"):
        listing = list_recordings("lass.data.audio.utterances", split=split, **asked)  # type: ignore[arg-type]
        write_sources(tmp_path / split, listing, rate=RATE, classes=settings.classes)
        libraries[split] = open_tracks(tmp_path / split, settings)
    assert libraries["validation"].items == ["speech/1/a", "speech/4/a"]
    assert len(libraries["train"].items) == 4
    mixing = {"sources": ["speech", "speech"], "weights": [0.5, 0.5]}
    choice = MixtureDraw.model_validate({"mixing": mixing, "length": 100, "seed": 0})
    mixtures = Mixtures(libraries["train"].draw(choice), libraries["train"])
    assert len(mixtures) == 6, "every chunk once"
    batch = mixtures.load(range(6))
    assert batch.classes == [["speech", "speech"]] * 6
    assert (batch.sources[:, 0] != batch.sources[:, 1]).all()
    np.testing.assert_allclose(batch.mixtures, batch.sources.mean(axis=1), atol=1e-6)
