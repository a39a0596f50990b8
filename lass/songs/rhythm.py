"""Drums: bars from the patterns of a groove, with fills, ghost notes and a drummer's small deviations."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lass.songs.grooves import LANES, Groove
from lass.songs.score import Note

Bar = dict[str, str]  # lane -> steps
_LEVELS = {"X": 114, "x": 94, "o": 72, "g": 46}
_DURATION = 60  # ticks; a drum rings as long as its sample
# what a fill strikes on each step of a beat, drawn from the front and repeated
_FILLS = ("ssTTMMLL", "sTML", "ssss", "TTMMLLLL", "s.sTM.ML", "sTsMsLsL", "s..sT.ML", "TMTMLMLL")


@dataclass(frozen=True)
class Pulse:
    """What bars share in a song: the groove, ticks by which odd steps are late, the key of each lane."""

    groove: Groove
    late: int
    keys: Mapping[str, int]


def choose_keys(rng: np.random.Generator) -> dict[str, int]:
    """One key per lane for a whole song."""
    return {lane: int(rng.choice(keys)) for lane, keys in LANES.items()}


def choose_kick(groove: Groove, rng: np.random.Generator) -> str:
    """A kick pattern of the groove, at times with one more soft stroke."""
    kick = list(_tile(str(rng.choice(groove.kicks)), groove.steps))
    free = [i for i, char in enumerate(kick) if char == "." and i % groove.beat == groove.beat - 1]
    if free and rng.random() < 0.2:
        kick[int(rng.choice(free))] = "o"
    return "".join(kick)


def drum_bar(kick: str, layers: list[str], *, steps: int) -> Bar:
    """A bar out of a kick pattern and `lane steps|lane steps` layers."""
    bar = {"K": kick}
    for layer in layers:
        for part in filter(None, layer.split("|")):
            lane, pattern = part.split()
            bar[lane] = _tile(pattern, steps)
    return bar


def varied(bar: Bar, *, beat: int) -> Bar:
    """A second ending of `bar`: its last half beat gets a kick and a ghost note."""
    changed = dict(bar)
    for lane, at, char in (("K", -max(1, beat // 2), "x"), ("s", -1, "g")):
        steps = list(changed.get(lane, "." * len(bar["K"])))
        if steps[at] == ".":
            steps[at] = char
        changed[lane] = "".join(steps)
    return changed


def with_fill(bar: Bar, *, fill: str, beats: int, beat: int) -> Bar:
    """`bar` with its last `beats` beats played on snare and toms."""
    first = len(bar["K"]) - beats * beat
    stride = 2 if beat == 6 else 1
    changed = {lane: steps[:first] + "." * (len(steps) - first) for lane, steps in bar.items()}
    length = beats * beat
    for i in range(0, length, stride):
        lane = fill[i * len(fill) // length] if length >= len(fill) else fill[i // stride % len(fill)]
        if lane == ".":
            continue
        steps = list(changed.get(lane, "." * len(bar["K"])))
        steps[first + i] = "X" if i % beat == 0 else "x"
        changed[lane] = "".join(steps)
    changed["K"] = changed["K"][:first] + ("x" + "." * (beat - 1)) * beats
    return changed


def choose_fills(rng: np.random.Generator) -> list[str]:
    """The two fills that a song's drummer falls back on."""
    return [str(fill) for fill in rng.choice(_FILLS, size=2, replace=False)]


def drum_notes(bar: Bar, *, start: int, pulse: Pulse, level: float, rng: np.random.Generator) -> list[Note]:
    """Notes of one bar from tick `start`; `level` scales velocities."""
    notes = []
    for lane, steps in bar.items():
        for at, char in enumerate(steps):
            if char not in _LEVELS:
                continue
            tick = (
                start
                + at * pulse.groove.step
                + (pulse.late if at % 2 else 0)
                + int(np.clip(rng.normal(0, 2), -5, 5))
            )
            velocity = int(np.clip(_LEVELS[char] * level + rng.normal(0, 3), 1, 127))
            notes.append(Note(max(0, tick), _DURATION, pulse.keys[lane], velocity))
    return notes


def _tile(pattern: str, steps: int) -> str:
    if steps % len(pattern):
        raise ValueError(f"pattern {pattern!r} of {len(pattern)} steps does not fit a bar of {steps}")
    return pattern * (steps // len(pattern))
