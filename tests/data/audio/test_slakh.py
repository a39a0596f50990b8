"""Folders in Slakh's layout: which stems count, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from lass.data.audio.files import write_audio
from lass.data.audio.recordings import read_sources
from lass.data.audio.slakh import find_recordings
from lass.data.programs import SOURCE_PROGRAMS

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "slakh_fixture"
RATE = 8000


def make_track(home: Path, **stems: tuple[dict[str, Any], float | None]) -> None:
    """Write stems given as (metadata, constant level or None for no audio file)."""
    (home / "stems").mkdir(parents=True)
    (home / "metadata.yaml").write_text(
        yaml.safe_dump({"stems": {name: meta for name, (meta, _) in stems.items()}})
    )
    for name, (_, level) in stems.items():
        if level is not None:
            write_audio(home / "stems" / f"{name}.wav", np.full(RATE, level, dtype=np.float32), rate=RATE)


def entry(program: int, *, is_drum: bool = False) -> dict[str, Any]:
    return {"program_num": program, "is_drum": is_drum, "audio_rendered": False}


def test_classes_are_summed_and_ordered(tmp_path: Path) -> None:
    make_track(
        tmp_path / "train" / "Track00002",
        S00=(entry(33), 0.1),
        S01=(entry(128), 0.02),
        S02=(entry(0, is_drum=True), 0.03),
        S03=(entry(39), 0.2),
        S04=(entry(0), 0.5),
        S05=(entry(40), 0.5),
        S06=(entry(31), 0.5),
    )
    listing = find_recordings(tmp_path / "train", classes=("drums", "bass"), files={})
    (track,) = listing.recordings
    assert (track.name, list(track.stems), listing.left_out) == ("Track00002", ["drums", "bass"], {})
    assert [path.stem for path in track.stems["drums"]] == ["S01", "S02"]
    assert [path.stem for path in track.stems["bass"]] == ["S00", "S03"]
    sources = read_sources(track, rate=RATE)
    assert sources.dtype == np.float32
    np.testing.assert_allclose(sources, np.repeat([[0.05], [0.3]], RATE, axis=1), atol=1e-6)
    assert read_sources(track, rate=4000).shape == (2, 4000)
    (turned,) = find_recordings(tmp_path / "train", classes=("bass", "drums", "piano"), files={}).recordings
    np.testing.assert_allclose(read_sources(turned, rate=RATE)[:, 0], [0.3, 0.05, 0.5], atol=1e-6)


def test_tracks_are_sorted_and_incomplete_ones_left_out(tmp_path: Path) -> None:
    both = {"S00": (entry(128, is_drum=True), 0.1), "S01": (entry(32), 0.1)}
    for name in ("Track00010", "Track00002"):
        make_track(tmp_path / "test" / name, **both)
    make_track(tmp_path / "test" / "Track00001", S00=(entry(128), 0.1), S01=(entry(33), None))
    make_track(tmp_path / "test" / "Track00003", S00=(entry(0), 0.1))
    (tmp_path / "test" / "notes.txt").write_text("not a track")
    listing = find_recordings(tmp_path / "test", classes=("drums", "bass"), files={})
    assert [track.name for track in listing.recordings] == ["Track00002", "Track00010"]
    assert listing.left_out == {
        "Track00001": "no audio file stems/S01 (class bass)",
        "Track00003": "metadata.yaml has no stem of class drums; metadata.yaml has no stem of class bass",
    }


def test_listed_stem_without_audio_is_skipped(tmp_path: Path) -> None:
    make_track(
        tmp_path / "train" / "Track00001",
        S00=(entry(33), 0.1),
        S01=(entry(34) | {"audio_rendered": True}, None),
    )
    (track,) = find_recordings(tmp_path / "train", classes=("bass",), files={}).recordings
    assert [path.name for path in track.stems["bass"]] == ["S00.wav"]


def damage(home: Path, *classes: str) -> str:
    """What is wrong with the only track beside `home`."""
    listing = find_recordings(home.parent, classes=classes or ("bass",), files={})
    assert (listing.recordings, listing.left_out, list(listing.damaged)) == ((), {}, [home.name])
    return listing.damaged[home.name]


def test_two_files_for_one_stem(tmp_path: Path) -> None:
    home = tmp_path / "Track00001"
    make_track(home, S00=(entry(33), 0.1), S01=(entry(128), 0.1))
    write_audio(home / "stems" / "S00.FLAC", np.full(RATE, 0.25, dtype=np.float32), rate=RATE)
    assert "S00.FLAC and " in damage(home)
    assert "S00.wav are both called 'S00': take one of them away" in damage(home)
    (found,) = find_recordings(tmp_path, classes=("drums",), files={}).recordings
    assert found.name == "Track00001", "files that are not asked for do no harm"


@pytest.mark.parametrize("suffix", [".WAV", ".FLAC", ".ogg", ".mp3", ".aiff", ".Aif", ".w64", ".caf"])
def test_suffixes(tmp_path: Path, suffix: str) -> None:
    home = tmp_path / "Track00001"
    make_track(home, S00=(entry(33), 0.1), S02=(entry(38), None))
    kind = {".AIF": "AIFF"}.get(suffix.upper(), suffix[1:].upper())
    time = np.arange(RATE) / RATE
    soundfile.write(home / "stems" / f"S02{suffix}", 0.2 * np.sin(900 * time), RATE, format=kind)
    (track,) = find_recordings(tmp_path, classes=("bass",), files={}).recordings
    assert [path.name for path in track.stems["bass"]] == ["S00.wav", f"S02{suffix}"]
    sources = read_sources(track, rate=RATE)
    np.testing.assert_allclose(sources[0], 0.1 + 0.2 * np.sin(900 * time)[: sources.shape[1]], atol=0.03)


def test_messages_speak_of_files(tmp_path: Path) -> None:
    home = tmp_path / "Track00001"
    make_track(home, S00=(entry(33), None))
    (home / "stems" / "S00.m4a").write_bytes(b"not read")
    listing = find_recordings(tmp_path, classes=("bass",), files={})
    assert listing.left_out == {
        "Track00001": "no audio file stems/S00 (class bass), but S00.m4a, which is not read"
    }


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "Track00001"
    make_track(home, S00=(entry(33), 0.1), S01=(entry(38), None))
    (home / "stems" / "S01.wav").symlink_to(tmp_path / "elsewhere.wav")
    assert f"S01.wav is a link to {tmp_path}/elsewhere.wav, which is not there" in damage(home)
    (tmp_path / "Track00002").symlink_to(tmp_path / "store")
    listing = find_recordings(tmp_path, classes=("bass",), files={})
    assert "Track00002 is a link to " in listing.damaged["Track00002"]


def test_a_track_of_another_name(tmp_path: Path) -> None:
    make_track(tmp_path / "My song", S00=(entry(33), 0.1))
    (tmp_path / "notes").mkdir()
    listing = find_recordings(tmp_path, classes=("bass",), files={})
    assert [track.name for track in listing.recordings] == ["My song"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [(("drums", "bas"), "'bas' is unknown"), ((), "none"), (("bass", "bass"), "repeat")],
)
def test_unknown_classes(tmp_path: Path, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_recordings(tmp_path / "train", classes=classes, files={})


def test_a_folder_without_tracks_names_the_layout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder TrackNNNNN: lay it out as <root>/<split>/TrackNNNNN"):
        find_recordings(tmp_path, classes=("bass",), files={})


def test_files_are_named_by_the_metadata(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"metadata\.yaml says which stem is of which class"):
        find_recordings(tmp_path, classes=("bass",), files={"bass": ["S00"]})


def test_one_track_of_many_has_no_metadata(tmp_path: Path) -> None:
    make_track(tmp_path / "Track00001", S00=(entry(33), 0.1))
    (tmp_path / "Track00002").mkdir()
    listing = find_recordings(tmp_path, classes=("bass",), files={})
    assert [track.name for track in listing.recordings] == ["Track00001"]
    assert "Track00002/metadata.yaml is not there: complete" in listing.damaged["Track00002"]


def test_families_cover_all_programs_once() -> None:
    programs = [program for family in SOURCE_PROGRAMS.values() for program in family]
    assert sorted(programs) == list(range(129))
    assert SOURCE_PROGRAMS["bass"] == frozenset(range(32, 40))
    assert SOURCE_PROGRAMS["guitar"] == frozenset(range(24, 32))


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the excerpt of the real Slakh2100 is not beside the repository"
)
def test_excerpt_of_the_real_dataset() -> None:
    root = SHARED / "slakh2100_flac_redux"
    (track,) = find_recordings(
        root / "train", classes=("drums", "bass", "guitar", "organ"), files={}
    ).recordings
    names = {name: [path.stem for path in paths] for name, paths in track.stems.items()}
    assert names == {
        "drums": ["S01"],
        "bass": ["S03"],
        "guitar": ["S00", "S07", "S08"],
        "organ": ["S05", "S09", "S10"],
    }
    sources = read_sources(track, rate=16_000)
    assert sources.shape == (4, 32_000)
    listing = find_recordings(
        root / "train", classes=("synth_effects",), files={}
    )  # listed as S06, never rendered
    assert listing.left_out == {"Track00001": "no audio file stems/S06 (class synth_effects)"}
