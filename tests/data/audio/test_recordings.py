"""Recordings of a split: what their files hold, whoever listed them, and what is held out for validation."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lass.data.audio import recordings
from lass.data.audio.files import write_audio
from lass.data.audio.recordings import Listing, Recording, list_recordings, read_sources

RATE = 8000


def make(home: Path, **stems: float | Sequence[float]) -> Recording:
    """A recording of a second with stems of constant levels, one or several files for each class."""
    paths: dict[str, tuple[Path, ...]] = {}
    for name, levels in stems.items():
        paths[name] = ()
        for number, level in enumerate(levels if isinstance(levels, Sequence) else [levels]):
            paths[name] += (home / f"{name}{number}.wav",)
            write_audio(paths[name][-1], np.full(RATE, level, dtype=np.float32), rate=RATE)
    return Recording("song", paths)


def test_stems_of_a_class_are_summed(tmp_path: Path) -> None:
    recording = make(tmp_path, drums=[0.02, 0.03], bass=0.3)
    sources = read_sources(recording, rate=RATE)
    assert sources.dtype == np.float32
    np.testing.assert_allclose(sources, np.repeat([[0.05], [0.3]], RATE, axis=1), atol=1e-6)
    assert read_sources(recording, rate=4000).shape == (2, 4000)


def test_channels_are_averaged(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", np.array([[0.5] * 9, [0.25] * 9], dtype=np.float32), rate=RATE)
    sources = read_sources(Recording("song", {"bass": (tmp_path / "a.wav",)}), rate=RATE)
    np.testing.assert_array_equal(sources, np.full((1, 9), 0.375))


def test_channels_that_cancel_become_the_louder_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    write_audio(tmp_path / "a.wav", np.stack([0.9 * wave, -wave]), rate=RATE)
    with caplog.at_level(logging.WARNING):
        sources = read_sources(Recording("song", {"bass": (tmp_path / "a.wav",)}), rate=RATE)
    np.testing.assert_array_equal(sources[0], -wave)
    assert "a.wav: its 2 channels cancel when they are mixed to mono: channel 2 alone" in caplog.text


@pytest.mark.parametrize(("peak", "warned"), [(4.5, True), (32_768.0, True), (3.5, False)])
def test_a_file_that_is_out_of_scale(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, peak: float, warned: bool
) -> None:
    write_audio(tmp_path / "a.wav", np.array([peak, -peak] * 9, dtype=np.float32), rate=RATE)
    with caplog.at_level(logging.WARNING):
        read_sources(Recording("song", {"bass": (tmp_path / "a.wav",)}), rate=RATE)
    assert (f"a.wav: peaks at {peak:g}, where full scale is 1" in caplog.text) == warned


def test_lengths_are_cut_to_the_shortest_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    recording = make(tmp_path, drums=0.1, bass=0.1)
    (path,) = recording.stems["bass"]
    for cut in (5, 800):
        write_audio(path, np.full(RATE - cut, 0.1, dtype=np.float32), rate=RATE)
        assert read_sources(recording, rate=RATE).shape == (2, RATE - cut)
    write_audio(path, np.full(RATE - 801, 0.1, dtype=np.float32), rate=RATE)
    with pytest.raises(ValueError, match=r"bass0\.wav is 0\.100 s shorter than .*drums0\.wav \(0\.900 s and"):
        read_sources(recording, rate=RATE)


def test_rates_must_agree(tmp_path: Path) -> None:
    recording = make(tmp_path, drums=0.1, bass=0.1)
    write_audio(recording.stems["drums"][0], np.full(RATE, 0.1, dtype=np.float32), rate=RATE // 2)
    with pytest.raises(ValueError, match=r"bass0\.wav has 8000 Hz, others of song 4000 Hz"):
        read_sources(recording, rate=RATE)


def test_damaged_and_vanished_stems(tmp_path: Path) -> None:
    recording = make(tmp_path, bass=0.1)
    (stem,) = recording.stems["bass"]
    stem.write_bytes(stem.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"bass0\.wav ends after 5000"):
        read_sources(recording, rate=RATE)
    stem.unlink()
    with pytest.raises(FileNotFoundError, match=r"bass0\.wav"):
        read_sources(recording, rate=RATE)
    with pytest.raises(ValueError, match="has no stems"):
        read_sources(Recording("song", {"bass": ()}), rate=RATE)


# --- splits, of a reader that lists the folders of a split ---


def list_them(root: Path, split: str, *, held_out: int | None = None, **changes: Any) -> Listing:
    asked: dict[str, Any] = {"classes": ("a",), "files": {}} | changes
    return list_recordings("toys", root=root, split=split, held_out=held_out, **asked)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten songs to train with, two to test."""

    def find_recordings(folder: Path, **_: object) -> Listing:
        names = sorted(path.name for path in folder.iterdir())
        damaged = {name: "cut" for name in names if name.startswith("cut")}
        names = [name for name in names if name not in damaged]
        if "bad" in names:
            return Listing((), dict.fromkeys(names, "no sound"))
        return Listing(tuple(Recording(name, {"a": (folder,)}) for name in names), {"z": "no stem"}, damaged)

    reader = SimpleNamespace(LAYOUT="<root>/<split>/<song>", find_recordings=find_recordings)
    monkeypatch.setattr(recordings, "import_module", {"toys": reader}.__getitem__)
    for name in [f"train/{number}" for number in range(10)] + ["test/x", "test/y"]:
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def names(listing: Listing) -> str:
    return "".join(recording.name for recording in listing.recordings)


def test_held_out_recordings_are_spread_over_the_list(root: Path) -> None:
    assert names(list_them(root, "train")) == "0123456789"
    assert names(list_them(root, "test")) == names(list_them(root, "test", held_out=2)) == "xy"
    for held_out, chosen in ((1, "5"), (2, "27"), (3, "158"), (5, "13579"), (9, "012345678")):
        kept = names(list_them(root, "train", held_out=held_out))
        found = names(list_them(root, "validation", held_out=held_out))
        assert sorted(kept + found) == list("0123456789")
        assert len(found) == held_out
        assert held_out == 9 or found == chosen
    assert list_them(root, "train").left_out == {"z": "no stem"}


def test_a_folder_of_its_own_stands_before_what_is_held_out(root: Path) -> None:
    (root / "validation" / "v").mkdir(parents=True)
    assert names(list_them(root, "validation", held_out=3)) == "v"
    assert names(list_them(root, "train", held_out=3)) == "0123456789"


def test_splits_that_cannot_be(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder 'validation': add it.*or set `held_out`"):
        list_them(root, "validation")
    for held_out in (0, 10):
        with pytest.raises(ValueError, match=f"held_out is {held_out}, but from 1 to 9 of the 10 training"):
            list_them(root, "validation", held_out=held_out)
    with pytest.raises(FileNotFoundError, match="no folder 'dev': lay it out as <root>/<split>/<song>"):
        list_them(root, "dev")
    with pytest.raises(FileNotFoundError, match=r"nowhere is no folder: set `root` to .* <root>/<split>"):
        list_them(root / "nowhere", "train")


def test_what_is_asked_for_must_be_known(root: Path) -> None:
    for classes in ([], ["a", "a"]):
        with pytest.raises(ValueError, match="repeat or are none"):
            list_them(root, "train", classes=classes)
    with pytest.raises(ValueError, match="files are named for 'b', but the classes are a"):
        list_them(root, "train", files={"b": ["x"]})


def test_damaged_recordings_are_told_of(root: Path) -> None:
    (root / "train" / "cut").mkdir()
    listing = list_them(root, "train", held_out=3)
    assert (names(listing), listing.damaged) == ("0234679", {"cut": "cut"})
    for name in ("dev/cut1", "dev/cut2"):
        (root / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"dev: no recording is left; 2 of 3 recordings are damaged: mend"):
        list_them(root, "dev")


def test_no_recording_is_left(root: Path) -> None:
    (root / "train" / "bad").mkdir()
    with pytest.raises(ValueError, match=r"all 11 recordings are left out \(0: no sound;.*<root>/<split>"):
        list_them(root, "train")
