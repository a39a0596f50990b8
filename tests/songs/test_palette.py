"""Kits and basses of further SoundFonts and of Hydrogen's drum kits."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass.songs.drumkits import describe_drumkit, keys_of, read_drumkit
from lass.songs.palette import of_style, open_palette, playable
from lass.songs.performance import AS_COMPOSED, Playing, perform_song
from lass.songs.score import Note
from lass.songs.settings import Alterations
from lass.songs.synthesis import Instrument

RATE = 44_100
INSTRUMENT = "<instrument><name>{name}</name><volume>0.5</volume>{layers}</instrument>"
LAYER = "<layer><filename>{file}</filename><min>{low}</min><max>{high}</max><gain>1</gain></layer>"


def kit(folder: Path, names: tuple[str, ...] = ("Kick", "Snare 1", "Closed HH"), space: str = "") -> Path:
    """A kit whose instruments have a soft and a loud layer: constants of 0.1 and 0.2."""
    folder.mkdir(parents=True)
    for file, level in (("soft.wav", 0.1), ("loud.wav", 0.2)):
        soundfile.write(folder / file, np.full((RATE // 2, 2), level), RATE, subtype="FLOAT")
    layers = LAYER.format(file="soft.wav", low=0, high=0.5) + LAYER.format(file="loud.wav", low=0.51, high=1)
    layers += LAYER.format(file="gone.wav", low=0, high=1)
    body = "".join(INSTRUMENT.format(name=name, layers=layers) for name in names)
    (folder / "drumkit.xml").write_text(
        f"<drumkit_info{space}><instrumentList>{body}</instrumentList></drumkit_info>"
    )
    return folder


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Kick Low 2", 36), ("BassDrum", 36), ("c3 - bass drum 1", 36), ("Pearl Side Stick", 37),
        ("Snare Jazz", 38), ("Hand Clap", 39), ("Hi Hat Closed", 42), ("Sabian Hat Pedal", 44),
        ("Open HH", 46), ("Hi Hat Opened", 46), ("Tom Low", 43), ("Floor Tom", 43),
        ("Pearl Tom 1", 50), ("Tom Mid", 47), ("Ride Bell", 53), ("Ride 2", 51),
        ("Crash Left", 49), ("Cowbell", 56),
    ],
)  # fmt: skip
def test_names_say_what_is_struck(name: str, key: int) -> None:
    assert keys_of(name)[0] == key


def test_other_names_say_nothing() -> None:
    assert keys_of("17") == ()
    assert keys_of("Zap 1") == ()


def test_a_kit_of_hydrogen_has_its_layers(tmp_path: Path) -> None:
    zones = read_drumkit(kit(tmp_path / "mine", space=' xmlns="http://www.hydrogen-music.org/drumkit"'))
    kick = [zone for zone in zones if zone.keys == (36, 36)]
    assert [zone.velocities for zone in kick] == [(0, 64), (65, 127)]
    assert [float(zone.wave[0]) for zone in kick] == pytest.approx([0.1, 0.2])
    assert {zone.keys[0] for zone in zones} == {35, 36, 38, 40, 42}
    player = Instrument(zones, rate=RATE)
    soft = player.play([Note(0, 60, 36, 40)], seconds_per_tick=0.001, seconds=0.1)
    assert soft[100] == pytest.approx(0.1 * 0.5 * (40 / 127) ** 2, rel=0.01)


@pytest.mark.parametrize(
    ("names", "message"), [(("Kick", "Snare"), "no kick, snare or hi-hat"), ((), "no kick, snare or hi-hat")]
)
def test_a_kit_without_the_drums_that_songs_need_is_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        describe_drumkit(kit(tmp_path / "mine", names))


def test_what_is_no_kit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "drumkit.xml").write_text("<drumkit_info>")
    with pytest.raises(ValueError, match="is no drum kit of Hydrogen"):
        describe_drumkit(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"correct composed\.soundfonts"):
        open_palette((str(tmp_path / "gone.sf2"),))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no drum kit"):
        open_palette((str(tmp_path / "empty"),))
    (tmp_path / "text.sf2").write_text("text")
    with pytest.raises(ValueError, match="is no SoundFont 2 file"):
        open_palette((str(tmp_path / "text.sf2"),))


def test_every_file_of_a_palette_is_drawn(tmp_path: Path) -> None:
    kit(tmp_path / "kits/one")
    kit(tmp_path / "kits/two")
    kit(tmp_path / "kits/percussion", ("Conga",))
    palette = open_palette((str(tmp_path / "kits"),))
    rng = np.random.default_rng(0)
    kits = {palette.draw(rng, is_drum=True).path.name for _ in range(60)}
    assert kits == {"TimGM6mb.sf2", "one", "two"}
    basses = {palette.draw(rng, is_drum=False).program for _ in range(200)}
    assert basses >= set(range(32, 40))


def test_drums_that_a_kit_lacks_are_stood_in_for_or_left_out(tmp_path: Path) -> None:
    zones = read_drumkit(kit(tmp_path / "mine"))
    notes = [Note(0, 1, key, 100) for key in (36, 46, 37, 62)]  # open hi-hat, stick, conga
    assert [note.key for note in playable(notes, zones)] == [36, 42, 38]


def test_songs_on_other_instruments_keep_their_notes(tmp_path: Path) -> None:
    kit(tmp_path / "kits/one")
    plain, by_style = perform_song(seed=5, seconds=2, playing=AS_COMPOSED)
    song, drawn = perform_song(seed=5, seconds=2, playing=Playing((str(tmp_path / "kits"),)))
    assert song == plain
    assert np.array_equal(drawn["harmony"].audio, by_style["harmony"].audio)
    names = {
        perform_song(seed=seed, seconds=0.5, playing=Playing((str(tmp_path / "kits"),)))[1]["drums"].sounds
        for seed in range(6)
    }
    assert ("one, kit 0",) in names


def test_altered_songs_differ_in_tempo_level_and_sound() -> None:
    altered = Playing((), Alterations(chance=1))
    plain, by_style = perform_song(seed=5, seconds=2, playing=AS_COMPOSED)
    song, other = perform_song(seed=5, seconds=2, playing=altered)
    assert song.tempo != plain.tempo
    assert abs(song.tempo / plain.tempo - 1) <= 0.25
    for kind, performance in other.items():
        assert performance.sounds == by_style[kind].sounds
        assert not np.allclose(performance.audio, by_style[kind].audio, atol=1e-3)
    again = perform_song(seed=5, seconds=2, playing=altered)[1]
    assert all(np.array_equal(again[kind].audio, other[kind].audio) for kind in other)


def test_tuning_is_in_semitones() -> None:
    zones = of_style(33, is_drum=False).zones
    note = [Note(0, 900, 45, 100)]
    spectra = [
        np.abs(
            np.fft.rfft(Instrument(zones, rate=RATE, tuning=up).play(note, seconds_per_tick=0.001, seconds=1))
        )
        for up in (0, 12)
    ]
    lowest = [spectrum[105:116].max() / spectrum.max() for spectrum in spectra]
    assert lowest[0] > 0.1  # the note's own 110 Hz
    assert lowest[1] < 0.02  # which an octave higher does not have
