"""Songs as notes: the same seed gives the same song, and many seeds cover what there is to play."""

from functools import cache

import numpy as np
import pytest

from lass.songs.bass import bass_pattern
from lass.songs.composer import compose_song, derive_seed
from lass.songs.grooves import BASSES, KITS, LANES
from lass.songs.harmony import Chord, comp_bar, parse_chord, parse_progression, voicing
from lass.songs.rhythm import drum_bar, varied, with_fill
from lass.songs.score import Note, Song
from lass.songs.styles import STYLES

SECONDS = 60.0


@cache
def songs() -> tuple[Song, ...]:
    """The first 60 songs that a run with seed 0 renders."""
    return tuple(compose_song(seed=derive_seed(0, number), seconds=SECONDS) for number in range(60))


def onsets(song: Song, kind: str) -> np.ndarray:
    return np.array([note.start for note in song.parts[kind].notes]) * song.seconds_per_tick


def test_same_seed_same_song() -> None:
    assert compose_song(seed=3, seconds=20) == compose_song(seed=3, seconds=20)
    assert compose_song(seed=3, seconds=20) != compose_song(seed=4, seconds=20)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_length_must_be_positive(seconds: float) -> None:
    with pytest.raises(ValueError, match="more than 0 s"):
        compose_song(seed=0, seconds=seconds)


def test_sixty_songs_cover_kits_basses_keys_and_most_genres() -> None:
    assert {song.parts["drums"].program for song in songs()} == set(KITS)
    assert {song.parts["bass"].program for song in songs()} == set(BASSES)
    assert {song.tonic for song in songs()} == set(range(12))
    assert len({song.style for song in songs()}) >= 15
    assert {(4, 4), (3, 4), (12, 8)} <= {song.meter for song in songs()}
    assert not any(song.parts["harmony"].program in BASSES for song in songs())


def test_every_window_of_three_seconds_has_drums_and_bass() -> None:
    for song in songs():
        for kind in ("drums", "bass"):
            gaps = np.diff(np.concatenate([[0.0], onsets(song, kind), [SECONDS]]))
            assert gaps.max() < 3.5, (song.style, kind)
            assert np.sum(gaps > 3) <= 1, (song.style, kind)


def test_notes_are_playable() -> None:
    keys = {key for lane in LANES.values() for key in lane}
    for song in songs():
        for part in song.parts.values():
            assert list(part.notes) == sorted(part.notes)
            assert all(n.start >= 0 and n.duration > 0 and 1 <= n.velocity <= 127 for n in part.notes)
        assert all(note.key in keys for note in song.parts["drums"].notes)
        assert all(26 <= note.key <= 52 for note in song.parts["bass"].notes)
        assert all(48 <= note.key <= 76 for note in song.parts["harmony"].notes)


def test_bars_repeat_within_a_section() -> None:
    for song in songs():
        bar = song.meter[0] * 1920 // song.meter[1]
        second, third = (
            [
                (n.start - at * bar, n.key)
                for n in song.parts["drums"].notes
                if -10 <= n.start - at * bar < bar - 10
            ]
            for at in (3, 4)  # bars of the verse, after an intro of two
        )
        found = [any(abs(start - other) <= 10 and key == k for other, k in third) for start, key in second]
        assert len(second) == len(third), song.style
        assert all(found), song.style


def test_velocities_vary_moderately() -> None:
    spread = [np.std([n.velocity for n in song.parts["bass"].notes if n.velocity > 70]) for song in songs()]
    assert 2 < np.mean(spread) < 10


@pytest.mark.parametrize(
    ("numeral", "tonic", "root", "intervals"),
    [
        ("I", 0, 0, (0, 4, 7)),
        ("bVII", 0, 10, (0, 4, 7)),
        ("iim7b5", 9, 11, (0, 3, 6, 10)),
        ("V7", 7, 2, (0, 4, 7, 10)),
        ("bVImaj7", 2, 10, (0, 4, 7, 11)),
    ],
)
def test_chords_by_hand(numeral: str, tonic: int, root: int, intervals: tuple[int, ...]) -> None:
    assert parse_chord(numeral, tonic=tonic) == Chord(root, intervals)


@pytest.mark.parametrize("numeral", ["H", "I9", "IIII", ""])
def test_unknown_chords(numeral: str) -> None:
    with pytest.raises(ValueError, match=r"use 7|roman"):
        parse_chord(numeral, tonic=0)


def test_progression_with_two_chords_in_a_bar() -> None:
    bars = parse_progression("I V,vi", tonic=0)
    assert [[chord.root for chord in bar] for bar in bars] == [[0], [7, 9]]


def test_voicing_moves_little() -> None:
    c_major, f_major = parse_chord("I", tonic=0), parse_chord("IV", tonic=0)
    assert voicing(f_major, [60, 64, 67]) == [60, 65, 69]
    assert {key % 12 for key in voicing(c_major, [])} == {0, 4, 7}


def test_comping_holds_and_rests() -> None:
    rng = np.random.default_rng(0)
    bar = [parse_chord("I", tonic=0)]
    notes, keys = comp_bar("X---..x.", bar, start=0, step=240, late=0, last=[60, 64, 67], rng=rng)
    assert keys == [60, 64, 67]
    assert [note.key for note in notes] == [60, 64, 67] * 2
    assert {note.duration for note in notes[:3]} == {int(4 * 240 * 0.92)}
    assert all(abs(note.start - 6 * 240) <= 7 for note in notes[3:])


def test_bass_follows_the_kick() -> None:
    kick = "x.....x.x......."
    line = bass_pattern("lock", kick, beat=4, rng=np.random.default_rng(1))
    assert [i for i, char in enumerate(line) if char not in ".-a"] == [0, 6, 8]
    assert bass_pattern("R.", kick, beat=4, rng=np.random.default_rng(1)) == "R." * 8
    with pytest.raises(ValueError, match="3 steps does not fit a bar of 16"):
        bass_pattern("R..", kick, beat=4, rng=np.random.default_rng(1))


def test_drum_bars() -> None:
    bar = drum_bar("x...x...", ["s ....X...", "h x.|o ...x...."], steps=8)
    assert bar == {"K": "x...x...", "s": "....X...", "h": "x.x.x.x.", "o": "...x...."}
    filled = with_fill(bar, fill="ssTL", beats=1, beat=4)
    assert filled == {
        "K": "x...x...",
        "s": "....Xx..",
        "h": "x.x.....",
        "o": "...x....",
        "T": "......x.",
        "L": ".......x",
    }
    assert varied(bar, beat=4) == bar | {"K": "x...x.x.", "s": "....X..g"}
    with pytest.raises(ValueError, match="does not fit"):
        drum_bar("x...x...", ["h x.."], steps=8)


def test_every_pattern_of_every_genre_fits_its_bar() -> None:
    rng = np.random.default_rng(0)
    for style, weight in STYLES:
        assert weight > 0
        assert all(parse_progression(text, tonic=0) for text in style.chords)
        assert set(style.kits) <= set(KITS)
        assert set(style.basses) <= set(BASSES)
        for groove in style.grooves:
            assert all(groove.steps % len(pattern) == 0 for pattern in groove.kicks + groove.comps)
            assert all(
                drum_bar(groove.kicks[0], [layer], steps=groove.steps)
                for layer in groove.backs + groove.tops + groove.colours
            )
            kick = groove.kicks[0] * (groove.steps // len(groove.kicks[0]))
            assert all(bass_pattern(kind, kick, beat=groove.beat, rng=rng) for kind in groove.basses)


def test_note_order_is_by_time() -> None:
    assert Note(1, 5, 60, 90) < Note(2, 1, 40, 10)
