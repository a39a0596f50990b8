"""Chords: from roman numerals to keys on the keyboard, voicings and comping."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lass.songs.score import Note

_DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_QUALITIES = {
    "M": (0, 4, 7), "m": (0, 3, 7), "M7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "Mmaj7": (0, 4, 7, 11),
    "mmaj7": (0, 3, 7, 11), "mm7b5": (0, 3, 6, 10), "mdim": (0, 3, 6, 9), "Mdim": (0, 3, 6, 9),
}  # fmt: skip
_LOW, _HIGH = 53, 74  # comping stays between these keys


@dataclass(frozen=True)
class Chord:
    """A chord: pitch class of the root and intervals above it in semitones."""

    root: int
    intervals: tuple[int, ...]

    def tone(self, name: str) -> int:
        """Semitones above the root of the bass tone that a pattern calls `name` (R, 3, 5, 6, 7 or 8)."""
        third, fifth = self.intervals[1:3]
        seventh = self.intervals[3] if len(self.intervals) > 3 else 10
        return {"R": 0, "g": 0, "3": third, "5": fifth, "6": 9, "7": seventh, "8": 12}[name]


def parse_chord(numeral: str, *, tonic: int) -> Chord:
    """The chord that `numeral` (such as bVImaj7; lower case is minor) names in the key of `tonic`."""
    match = re.fullmatch(r"(b?)([IViv]+)(.*)", numeral)
    if match is None or match[2].upper() not in _DEGREES:
        raise ValueError(
            f"{numeral!r} is no chord: write b, a roman numeral from I to VII, and 7, maj7, m7b5 or dim"
        )
    quality = ("M" if match[2].isupper() else "m") + match[3]
    if quality not in _QUALITIES:
        raise ValueError(f"{numeral!r} ends in an unknown quality: use 7, maj7, m7b5, dim or nothing")
    degree = _DEGREES[match[2].upper()] - (1 if match[1] else 0)
    return Chord((tonic + degree) % 12, _QUALITIES[quality])


def parse_progression(text: str, *, tonic: int) -> list[list[Chord]]:
    """Bars of chords: blanks part bars, commas part the chords within one."""
    return [[parse_chord(name, tonic=tonic) for name in bar.split(",")] for bar in text.split()]


def chord_at(bar: Sequence[Chord], step: int, steps: int) -> Chord:
    """The chord that sounds at `step` of a bar of `steps`."""
    return bar[step * len(bar) // steps]


def voicing(chord: Chord, last: Sequence[int]) -> list[int]:
    """Three or four keys for `chord`, moved as little as possible from the chord before."""
    centre = float(np.mean(last)) if len(last) else 63.0
    best: list[int] = []
    for turn in range(len(chord.intervals)):
        order = chord.intervals[turn:] + tuple(i + 12 for i in chord.intervals[:turn])
        for octave in (36, 48, 60, 72):
            keys = [octave + chord.root + i for i in order]
            if keys[0] < _LOW or keys[-1] > _HIGH:
                continue
            if not best or abs(np.mean(keys) - centre) < abs(np.mean(best) - centre):
                best = keys
    return best or [60 + (chord.root + i) % 12 for i in chord.intervals]


def comp_bar(
    pattern: str,
    bar: Sequence[Chord],
    *,
    start: int,
    step: int,
    late: int,
    last: Sequence[int],
    rng: np.random.Generator,
) -> tuple[list[Note], list[int]]:
    """Notes of one bar of comping from tick `start`, and the keys of its last chord.

    `step` is in ticks; odd steps come `late` ticks late; `last` holds the keys of the chord before.
    """
    notes: list[Note] = []
    keys, now, tone = list(last), None, 0
    for at, char in enumerate(pattern):
        chord = chord_at(bar, at, len(pattern))
        if chord is not now:
            keys, now = voicing(chord, keys), chord
            changed = at > 0 and char == "-"
        else:
            changed = False
        if char not in "Xxr" and not changed:
            continue
        held = 1
        while (
            at + held < len(pattern)
            and pattern[at + held] == "-"
            and chord_at(bar, at + held, len(pattern)) is now
        ):
            held += 1
        chosen = [keys[tone % len(keys)]] if char == "r" else keys
        tone += char == "r"
        level = {"X": 88, "x": 68, "r": 82, "-": 80}[char]
        shift = int(np.clip(rng.normal(0, 3), -7, 7)) + (late if at % 2 else 0)
        for key in chosen:
            velocity = int(np.clip(level + rng.normal(0, 4), 1, 127))
            notes.append(
                Note(max(0, start + at * step + shift), max(30, int(held * step * 0.92)), key, velocity)
            )
    return notes, keys
