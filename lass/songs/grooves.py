"""The language in which genres are written down: patterns on a grid of steps, chords, instruments.

A drum layer is `lane steps`, several lanes joined by `|`: X accent, x stroke, o soft, g ghost, `.` nothing.
A bass pattern names the chord tone of each step (R root, 3, 5, 6, 7, 8 octave, g dead note, a approach to
the next chord), `-` holds, `.` rests; `lock` follows the kick and `walk` is drawn anew. A comping pattern has
X and x for the chord, `r` for its next tone alone, `-` and `.` as before. A pattern shorter than the bar is
repeated, and ` / ` parts the patterns from which a song draws.
"""

from dataclasses import dataclass

# drum lane -> General MIDI keys, one of which a song settles on
LANES: dict[str, tuple[int, ...]] = {
    "K": (36, 35),  # kick
    "s": (38, 40),  # snare
    "r": (37,),  # rim
    "c": (39,),  # clap
    "h": (42,),  # closed, pedal and open hi-hat
    "p": (44,),
    "o": (46,),
    "d": (51, 59),  # ride, its bell, crash
    "b": (53,),
    "C": (49, 57),
    "t": (54,),  # tambourine, cowbell, maracas, claves
    "w": (56,),
    "m": (70,),
    "v": (75,),
    "1": (62,),  # congas
    "2": (63,),
    "3": (64,),
    "T": (50, 48),  # toms
    "M": (47, 45),
    "L": (43, 41),
}

# the kits of the SoundFont that differ in sound (its Jazz kit, 32, plays the samples of its Standard kit)
KITS = (STANDARD, ROOM, POWER, ELECTRONIC, TR808, BRUSH, ORCHESTRA) = (0, 8, 16, 24, 25, 40, 48)
BASSES = (UPRIGHT, FINGER, PICK, FRETLESS, SLAP1, SLAP2, SYNTH1, SYNTH2) = tuple(range(32, 40))


@dataclass(frozen=True)
class Groove:
    """How a bar goes: time signature, ticks per step, steps per beat, and patterns to draw from."""

    meter: tuple[int, int]
    step: int
    beat: int
    kicks: tuple[str, ...]
    backs: tuple[str, ...]
    tops: tuple[str, ...]
    colours: tuple[str, ...]
    basses: tuple[str, ...]
    comps: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Steps per bar."""
        return self.meter[0] * 1920 // self.meter[1] // self.step


@dataclass(frozen=True)
class Style:
    """A genre.

    Attributes:
        tempo: bounds in beats per minute.
        swing: share of the first of two steps, 0.5 for even steps.
        chords: progressions; blanks part bars, commas part the chords within one.
        kits, basses, comping: programs to draw the instruments from.
    """

    name: str
    tempo: tuple[int, int]
    chords: tuple[str, ...]
    kits: tuple[int, ...]
    basses: tuple[int, ...]
    comping: tuple[int, ...]
    grooves: tuple[Groove, ...]
    swing: float = 0.5


def split(text: str) -> tuple[str, ...]:
    """The parts of `text` between slashes."""
    return tuple(part.strip() for part in text.split("/"))


def groove(*, meter: tuple[int, int] = (4, 4), step: int = 120, beat: int = 4, **layers: str) -> Groove:
    """A groove from ` / `-separated patterns for kicks, backs, tops, basses, comps and, if any, colours."""
    layers.setdefault("colours", "/")  # none, and none again
    return Groove(meter, step, beat, **{name: split(text) for name, text in layers.items()})
