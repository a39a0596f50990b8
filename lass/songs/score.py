"""Songs as notes: what the composer writes, the synthesiser plays and a MIDI file keeps."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import symusic

TICKS = 480  # per quarter note


class Note(NamedTuple):
    """One note: `start` and `duration` in ticks, `key` and `velocity` as in MIDI."""

    start: int
    duration: int
    key: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """The notes of one instrument; `program` is the kit's number when `is_drum`."""

    name: str
    program: int
    is_drum: bool
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Song:
    """A composed song.

    Attributes:
        style: name of the genre.
        tempo: quarter notes per minute, constant throughout.
        meter: numerator and denominator of the time signature.
        tonic: pitch class of the key, 0 = C.
        parts: class name (`drums`, `bass`, `harmony`) -> part.
    """

    style: str
    tempo: float
    meter: tuple[int, int]
    tonic: int
    parts: dict[str, Part]

    @property
    def seconds_per_tick(self) -> float:
        """Length of one tick in seconds."""
        return 60.0 / (self.tempo * TICKS)


def write_midi(path: Path, song: Song, parts: list[Part]) -> None:
    """Write `parts` of `song` as a MIDI file at `path`."""
    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, song.tempo))
    score.time_signatures.append(symusic.TimeSignature(0, *song.meter))
    for part in parts:
        track = symusic.Track(part.name, part.program, part.is_drum)
        for note in part.notes:
            track.notes.append(symusic.Note(note.start, note.duration, note.key, note.velocity))
        score.tracks.append(track)
    score.dump_midi(str(path))
