"""Songs composed by code: one seed, one song, with drums, bass and harmony as notes."""

import hashlib
from dataclasses import dataclass

import numpy as np

from lass.songs.bass import bass_bar, bass_pattern
from lass.songs.grooves import BASSES, KITS, Groove, Style
from lass.songs.harmony import Chord, chord_at, comp_bar, parse_progression
from lass.songs.rhythm import (
    Bar,
    Pulse,
    choose_fills,
    choose_keys,
    choose_kick,
    drum_bar,
    drum_notes,
    varied,
    with_fill,
)
from lass.songs.score import Note, Part, Song
from lass.songs.styles import STYLES

# name, bars, loudness; a song runs through the sections and starts over at the second
_FORM = (
    ("intro", 2, 0.94),
    ("verse", 8, 0.94),
    ("chorus", 8, 1.0),
    ("verse", 8, 0.94),
    ("chorus", 8, 1.0),
    ("break", 4, 0.9),
)
_STRAY = 0.08  # share of songs whose kit or bass is drawn from all that exist


@dataclass(frozen=True)
class Section:
    """What every bar of a section with one name shares."""

    chords: list[list[Chord]]
    bar: Bar
    bass: str
    comp: str


def derive_seed(*parts: object) -> int:
    """A 63-bit integer that depends on `parts` alone."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def compose_song(*, seed: int, seconds: float) -> Song:
    """The song of `seed`, with notes for at least `seconds` seconds; the same arguments, the same song."""
    if not seconds > 0:
        raise ValueError(f"a song of {seconds} s cannot be composed: ask for more than 0 s")
    rng = np.random.default_rng(derive_seed("song", seed))
    weights = np.array([weight for _, weight in STYLES])
    style = STYLES[int(rng.choice(len(STYLES), p=weights / weights.sum()))][0]
    groove = style.grooves[0 if len(style.grooves) == 1 or rng.random() < 0.65 else 1]
    tonic = int(rng.integers(12))
    tempo = float(rng.integers(style.tempo[0], style.tempo[1] + 1)) * groove.beat * groove.step / 480
    if style.name == "odd meter":
        tempo = float(rng.integers(style.tempo[0], style.tempo[1] + 1))  # its tempo counts quarter notes
    programs = (
        int(rng.choice(KITS if rng.random() < _STRAY else style.kits)),
        int(rng.choice(BASSES if rng.random() < _STRAY else style.basses)),
        int(rng.choice(style.comping)),
    )
    bars = int(np.ceil(seconds * tempo / 60 * 480 / (groove.steps * groove.step)))
    drums, bass, harmony = _perform(style, groove, tonic=tonic, bars=bars, rng=rng)
    parts = {
        "drums": Part("Drums", programs[0], True, drums),
        "bass": Part("Bass", programs[1], False, bass),
        "harmony": Part("Harmony", programs[2], False, harmony),
    }
    return Song(style.name, tempo, groove.meter, tonic, parts)


def _perform(
    style: Style, groove: Groove, *, tonic: int, bars: int, rng: np.random.Generator
) -> tuple[tuple[Note, ...], tuple[Note, ...], tuple[Note, ...]]:
    """All bars of the three parts, each sorted by time."""
    sections = _sections(style, groove, tonic=tonic, rng=rng)
    fills = choose_fills(rng)
    pulse = Pulse(groove, round((2 * style.swing - 1) * groove.step), choose_keys(rng))
    plan = _plan(bars)
    drums: list[Note] = []
    bass: list[Note] = []
    harmony: list[Note] = []
    keys: list[int] = []
    for index, (name, place, length, level) in enumerate(plan):
        section, start = sections[name], index * groove.steps * groove.step
        now = section.chords[place % len(section.chords)]
        follower = plan[index + 1] if index + 1 < len(plan) else plan[index]
        after = sections[follower[0]].chords[follower[1] % len(sections[follower[0]].chords)]
        bar = _bar_of(section.bar, place=place, length=length, fills=fills, beat=groove.beat)
        if place == 0:
            bar = bar | {"C": "X" + "." * (groove.steps - 1)}
        drums += drum_notes(bar, start=start, pulse=pulse, level=level, rng=rng)
        bass += bass_bar(section.bass, now, chord_at(after, 0, 1), start=start, pulse=pulse, rng=rng)
        comped, keys = comp_bar(
            section.comp, now, start=start, step=groove.step, late=pulse.late, last=keys, rng=rng
        )
        harmony += comped
    return tuple(sorted(drums)), tuple(sorted(bass)), tuple(sorted(harmony))


def _plan(bars: int) -> list[tuple[str, int, int, float]]:
    """Section, bar within it, bars in it and loudness, for each bar of the song."""
    plan: list[tuple[str, int, int, float]] = []
    form = list(_FORM)
    while len(plan) < bars:
        for name, length, level in form:
            plan += [(name, place, length, level) for place in range(length)]
        form = list(_FORM[1:])
    return plan[:bars]


def _bar_of(bar: Bar, *, place: int, length: int, fills: list[str], beat: int) -> Bar:
    """The bar at `place` of a section: a variation every fourth, a fill at the end."""
    if place == length - 1:
        return with_fill(bar, fill=fills[length // 8 % 2], beats=2 if length >= 8 else 1, beat=beat)
    if place % 4 == 3:
        return varied(bar, beat=beat)
    return bar


def _sections(style: Style, groove: Groove, *, tonic: int, rng: np.random.Generator) -> dict[str, Section]:
    """Verse and chorus drawn apart; the intro is the verse, the break a quieter chorus."""
    found = {}
    back, top = _pick(groove.backs, 2, rng), _pick(groove.tops, 2, rng)
    kick, colour = choose_kick(groove, rng), str(rng.choice(groove.colours))
    for index, name in enumerate(("verse", "chorus")):
        chords = parse_progression(str(rng.choice(style.chords)), tonic=tonic)
        if rng.random() < 0.5:
            kick = choose_kick(groove, rng)
        layers = [back[index % len(back)], top[index % len(top)]] + ([colour] if index else [])
        line = bass_pattern(str(rng.choice(groove.basses)), kick, beat=groove.beat, rng=rng)
        comp = str(rng.choice(groove.comps))
        comp = comp * (groove.steps // len(comp))
        found[name] = Section(chords, drum_bar(kick, layers, steps=groove.steps), line, comp)
    found["intro"] = found["verse"]
    quiet = dict(found["verse"].bar) | {"K": "x" + "." * (groove.steps - 1)}
    found["break"] = Section(found["chorus"].chords, quiet, found["verse"].bass, found["chorus"].comp)
    return found


def _pick(patterns: tuple[str, ...], count: int, rng: np.random.Generator) -> list[str]:
    return [str(p) for p in rng.choice(patterns, size=min(count, len(patterns)), replace=False)]
