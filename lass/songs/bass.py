"""Basslines: written patterns over the chords, lines that follow the kick, and walking."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lass.songs.harmony import Chord, chord_at
from lass.songs.rhythm import Pulse
from lass.songs.score import Note

_LOWEST, _HIGHEST = 28, 52  # E1 to E3; roots lie in the lowest octave
_TONES = "R35678g"


def bass_pattern(kind: str, kick: str, *, beat: int, rng: np.random.Generator) -> str:
    """Steps of one bar for `kind`: a pattern as it stands, or for `lock` one that follows `kick`."""
    steps = len(kick)
    if kind == "walk":
        return "walk"
    if kind != "lock":
        if steps % len(kind):
            raise ValueError(f"pattern {kind!r} of {len(kind)} steps does not fit a bar of {steps}")
        return kind * (steps // len(kind))
    line = ["." if char == "." else "R" for char in kick]
    line[0] = "R"
    struck = [i for i, char in enumerate(line) if char == "R"]
    if len(struck) > 2:
        line[struck[-1]] = str(rng.choice(["R", "R", "5", "8"]))
    if rng.random() < 0.5 and line[-2] == ".":
        line[-2] = "a"
    filled = [i for i, char in enumerate(line) if char != "."] + [steps]
    for here, there in pairwise(filled):  # held, but never longer than a beat and a half
        for i in range(here + 1, min(there, here + beat + beat // 2)):
            line[i] = "-"
    return "".join(line)


def bass_bar(
    pattern: str,
    bar: Sequence[Chord],
    following: Chord,
    *,
    start: int,
    pulse: Pulse,
    rng: np.random.Generator,
) -> list[Note]:
    """Notes of one bar from tick `start`; `following` is the chord after the bar."""
    groove = pulse.groove
    if pattern == "walk":
        return _walk(bar, following, start=start, pulse=pulse, rng=rng)
    notes = []
    for at, char in enumerate(pattern):
        if char not in _TONES and char != "a":
            continue
        held = 1
        while at + held < len(pattern) and pattern[at + held] == "-":
            held += 1
        chord = chord_at(bar, at, len(pattern))
        key = _approach(following) if char == "a" else _root_key(chord) + chord.tone(char)
        level = 52 if char == "g" else 104 if at == 0 else 96 if at % groove.beat == 0 else 90
        share = 0.4 if char == "g" else 0.9
        late = pulse.late if at % 2 else 0
        tick = start + at * groove.step + late
        notes.append(_note(tick, int((held * groove.step) * share), _fold(key), level, rng))
    return notes


def _walk(
    bar: Sequence[Chord], following: Chord, *, start: int, pulse: Pulse, rng: np.random.Generator
) -> list[Note]:
    """One note per beat: the root, chord tones, and a step into the next chord."""
    groove = pulse.groove
    beats = groove.steps // groove.beat
    notes = []
    for beat in range(beats):
        chord = chord_at(bar, beat, beats)
        if beat == 0 or chord is not chord_at(bar, beat - 1, beats):
            key = _root_key(chord)
        elif beat == beats - 1:
            key = _approach(following)
        else:
            key = _root_key(chord) + chord.tone("35"[(beat - 1) % 2] if rng.random() < 0.8 else "8")
        length = groove.beat * groove.step
        notes.append(
            _note(start + beat * length, int(length * 0.92), _fold(key), 100 if beat == 0 else 92, rng)
        )
    return notes


def _note(tick: int, duration: int, key: int, level: int, rng: np.random.Generator) -> Note:
    shift = int(np.clip(rng.normal(0, 2), -5, 5))
    return Note(max(0, tick + shift), max(20, duration), key, int(np.clip(level + rng.normal(0, 3), 1, 127)))


def _root_key(chord: Chord) -> int:
    key = chord.root + 24
    return key if key >= _LOWEST else key + 12


def _approach(following: Chord) -> int:
    """A semitone below the root of the chord that follows, or above where there is no room."""
    root = _root_key(following)
    return root - 1 if root > _LOWEST else root + 1


def _fold(key: int) -> int:
    return key - 12 if key > _HIGHEST else key
