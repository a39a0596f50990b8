"""Extraction of a split: one damaged recording does not hide the next, and may be left out."""

import logging
from pathlib import Path

import numpy as np
import pytest

from lass.data.audio.extraction import write_sources
from lass.data.audio.files import write_audio
from lass.data.audio.recordings import Listing, Recording
from lass.data.audio.tracks import INDEX, open_tracks
from lass.data.settings import AudioLibrarySettings

RATE = 8000
SETTINGS = AudioLibrarySettings(rate=RATE, classes=("bass",))


def eight(folder: Path) -> Listing:
    """Eight songs: one that its reader refuses, an empty file, one that was cut, one that has gone."""
    songs = []
    for number in range(1, 8):
        path = folder / f"song {number}" / "bass.wav"
        write_audio(path, np.full(900, 0.1, dtype=np.float32), rate=RATE)
        songs.append(Recording(path.parent.name, {"bass": (path,)}))
    (folder / "song 2" / "bass.wav").write_bytes(b"")
    cut = folder / "song 5" / "bass.wav"
    cut.write_bytes(cut.read_bytes()[:900])
    (folder / "song 7" / "bass.wav").unlink()
    return Listing(tuple(songs), {"song 9": "no bass"}, {"song 8": "metadata.yaml is no readable YAML"})


def test_all_that_are_damaged_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 of 8 recordings are damaged") as caught:
        write_sources(tmp_path / "out", eight(tmp_path), rate=RATE, classes=["bass"])
    first, *lines = str(caught.value).splitlines()
    assert "set `datasets.<name>.damaged: skip` to leave them out" in first
    assert [line.split(":")[0].strip() for line in lines] == ["song 2", "song 5", "song 7", "song 8"]
    reasons = ["bass.wav is damaged", "ends after 900", "no audio file", "no readable"]
    for line, reason in zip(lines, reasons, strict=True):
        assert reason in line
    assert not (tmp_path / "out" / INDEX).exists()


def test_damaged_ones_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_sources(tmp_path / "out", eight(tmp_path), rate=RATE, classes=["bass"], skip_damaged=True)
    assert open_tracks(tmp_path / "out", SETTINGS).items == ["song 1", "song 3", "song 4", "song 6"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"left out song {number}, which is damaged" for number in (2, 5, 7, 8)
    ]


def test_none_is_left(tmp_path: Path) -> None:
    whole = eight(tmp_path)
    listing = Listing((whole.recordings[1], whole.recordings[4]))
    with pytest.raises(ValueError, match="2 of 2 recordings are damaged"):
        write_sources(tmp_path / "out", listing, rate=RATE, classes=["bass"], skip_damaged=True)
