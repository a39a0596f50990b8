"""Rendered songs: tuned, complete, in Slakh's layout, and the same bytes however they are rendered."""

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import symusic
import yaml

from lass.data.audio.recordings import list_recordings, read_sources
from lass.songs.composer import compose_song, derive_seed
from lass.songs.grooves import BASSES, KITS, LANES
from lass.songs.palette import of_style
from lass.songs.performance import RATE
from lass.songs.rendering import write_song, write_songs
from lass.songs.score import Note
from lass.songs.soundfont import SoundFont, bundled_soundfont, read_soundfont
from lass.songs.styles import STYLES
from lass.songs.synthesis import Instrument

SECONDS = 4.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("train") / "Track00007"
    write_song(home, seed=7, seconds=SECONDS)
    return home


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@cache
def instrument(program: int, *, is_drum: bool = False) -> Instrument:
    return Instrument(of_style(program, is_drum=is_drum).zones, rate=RATE)


def play(player: Instrument, *notes: Note, seconds: float = 1.0) -> np.ndarray:
    """A tick is a millisecond."""
    return player.play(notes, seconds_per_tick=0.001, seconds=seconds)


def pitch(audio: np.ndarray, expected: float) -> float:
    """The frequency within an octave around `expected` at which the audio resembles itself most."""
    power = np.abs(np.fft.rfft(audio - audio.mean(), 4 * len(audio))) ** 2
    likeness = np.fft.irfft(power)
    first, last = int(RATE / expected / 1.4), int(RATE / expected * 1.4)
    lag = first + int(np.argmax(likeness[first:last]))
    return RATE / lag


def test_layout_is_slakhs(home: Path) -> None:
    stems = [f"S{i:02d}" for i in range(3)]
    expected = {"metadata.yaml", "all_src.mid", "mix.flac"}
    expected |= {f"MIDI/{s}.mid" for s in stems} | {f"stems/{s}.flac" for s in stems}
    assert set(digests(home)) == expected
    for path in [home / "mix.flac", *(home / "stems").iterdir()]:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (44_100, 1, "PCM_16")
        assert info.frames == round(SECONDS * 44_100)


def test_metadata_has_slakhs_keys(home: Path) -> None:
    document = yaml.safe_load((home / "metadata.yaml").read_text())
    assert {"UUID", "audio_dir", "midi_dir", "stems", "normalized", "overall_gain"} <= set(document)
    assert document["audio_dir"] == "Track00007/stems"
    assert [stem["is_drum"] for stem in document["stems"].values()] == [True, False, False]
    song = compose_song(seed=7, seconds=SECONDS)
    programs = [stem["program_num"] for stem in document["stems"].values()]
    assert programs == [128, song.parts["bass"].program, song.parts["harmony"].program]


def test_mix_is_the_exact_sum_of_the_stems(home: Path) -> None:
    stems = [soundfile.read(path, dtype="int16")[0].astype(int) for path in (home / "stems").iterdir()]
    mix = soundfile.read(home / "mix.flac", dtype="int16")[0]
    np.testing.assert_array_equal(np.sum(stems, axis=0), mix)
    assert np.abs(mix.astype(int)).max() <= 0.951 * 32_768
    levels = [10 * np.log10(np.mean((stem / 32_768) ** 2)) for stem in stems]
    assert all(-35 < level < -15 for level in levels)


def test_midi_holds_the_notes(home: Path) -> None:
    song = compose_song(seed=7, seconds=SECONDS)
    score = symusic.Score(home / "all_src.mid")
    assert [track.is_drum for track in score.tracks] == [True, False, False]
    for track, part in zip(score.tracks, song.parts.values(), strict=True):
        assert track.program == part.program
        assert {(n.time, n.pitch, n.velocity) for n in track.notes} == {
            (n.start, n.key, n.velocity) for n in part.notes
        }


def test_reader_finds_drums_and_bass(home: Path) -> None:
    root, split = home.parent.parent, home.parent.name
    (track,) = list_recordings(
        "lass.data.audio.slakh", root=root, split=split, classes=("drums", "bass"), files={}, held_out=None
    ).recordings
    assert [path.name for paths in track.stems.values() for path in paths] == ["S00.flac", "S01.flac"]
    sources = read_sources(track, rate=16_000)
    assert sources.shape == (2, round(SECONDS * 16_000))
    assert (np.abs(sources).max(axis=1) > 0.05).all()


def test_bytes_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    write_songs(tmp_path / "one", split="test", numbers=range(1, 4), seed=5, seconds=2, workers=1)
    write_songs(tmp_path / "two", split="test", numbers=[3, 1], seed=5, seconds=2, workers=2)
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert two == {name: digest for name, digest in one.items() if "Track00002" not in name}
    assert one["test/Track00001/mix.flac"] != one["test/Track00003/mix.flac"]
    write_songs(tmp_path / "other", split="test", numbers=[1], seed=6, seconds=2, workers=1)
    assert digests(tmp_path / "other")["test/Track00001/mix.flac"] != one["test/Track00001/mix.flac"]


def test_scripts_without_a_guard_can_use_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from lass.songs.rendering import write_songs\n"
        f"write_songs(Path({str(tmp_path)!r}), split='test', numbers=[1, 2], seed=0, seconds=1, workers=2)\n"
        "assert Path(__file__).name == 'script.py'\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, script], check=True, env=os.environ | {"PYTHONPATH": str(root)}, timeout=60
    )
    assert sorted(path.name for path in (tmp_path / "test").iterdir()) == ["Track00001", "Track00002"]


def test_rewriting_replaces_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "Track00001"
    (home / "stems").mkdir(parents=True)
    (home / "stems" / "S09.flac").write_text("left over")
    write_song(home, seed=1, seconds=1)
    assert "stems/S09.flac" not in digests(home)
    assert [path.name for path in tmp_path.iterdir()] == ["Track00001"]


@pytest.mark.parametrize(
    ("split", "numbers", "workers", "message"),
    [
        ("dev", [1], 1, "'dev'"),
        ("test", [1, 1], 1, "repeat"),
        ("test", [-1], 1, "negative"),
        ("test", [1], 0, "0 workers"),
    ],
)
def test_bad_requests(tmp_path: Path, split: str, numbers: list[int], workers: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_songs(tmp_path, split=split, numbers=numbers, seed=0, seconds=1, workers=workers)


@pytest.mark.parametrize("program", BASSES)
def test_basses_are_in_tune(program: int) -> None:
    for key in (33, 40, 47):
        expected = 440 * 2 ** ((key - 69) / 12)
        found = pitch(play(instrument(program), Note(0, 900, key, 100))[4000:36_000], expected)
        assert abs(1200 * np.log2(found / expected)) < 25, key


def test_velocity_is_loudness() -> None:
    for player, key in ((instrument(33), 40), (instrument(0, is_drum=True), 38)):
        loud, soft = (play(player, Note(0, 500, key, velocity)) for velocity in (120, 60))
        np.testing.assert_allclose(soft, loud / 4, atol=1e-6)


def test_notes_end_and_hats_are_choked() -> None:
    bass = play(instrument(33), Note(0, 200, 40, 100))
    assert np.abs(bass[: RATE // 5]).max() > 0.05
    assert np.abs(bass[RATE // 2 :]).max() < 1e-3
    kit = instrument(0, is_drum=True)
    alone = play(kit, Note(0, 60, 46, 110))
    choked = play(kit, Note(0, 60, 46, 110), Note(200, 60, 42, 1))
    assert np.abs(alone[RATE // 4 :]).max() > 10 * np.abs(choked[RATE // 4 :]).max()


def test_kits_differ_and_have_every_drum() -> None:
    keys = sorted({key for lane in LANES.values() for key in lane})
    heard = {}
    for kit in KITS:
        sounds = [play(instrument(kit, is_drum=True), Note(0, 60, key, 100), seconds=0.2) for key in keys]
        assert all(np.abs(sound).max() > 1e-3 for sound in sounds)
        heard[kit] = np.concatenate(sounds)
    pairs = [(one, two) for one in KITS for two in KITS if one < two]
    assert all(not np.allclose(heard[one], heard[two], atol=1e-3) for one, two in pairs)


def test_comping_instruments_exist() -> None:
    for program in {program for style, _ in STYLES for program in style.comping}:
        assert np.abs(play(instrument(program), Note(0, 300, 60, 90), seconds=0.5)).max() > 0.01


def test_soundfont_errors(tmp_path: Path) -> None:
    (tmp_path / "a.sf2").write_bytes(b"nothing like it")
    with pytest.raises(ValueError, match=r"a\.sf2 is no SoundFont"):
        SoundFont(tmp_path / "a.sf2")
    with pytest.raises(ValueError, match="bank 128, program 99"):
        read_soundfont(bundled_soundfont()).zones(bank=128, program=99)


def test_seeds_derive_from_all_parts() -> None:
    assert derive_seed(1, 2) == derive_seed(1, 2)
    assert len({derive_seed(1, 2), derive_seed(2, 1), derive_seed(12), derive_seed("1", 2, 0)}) == 4
