"""Plays the notes of one part on the sampled instruments of a SoundFont."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, lfilter

from lass.songs.score import Note
from lass.songs.soundfont import Zone

DRUM_BANK = 128
_CHOKE_SECONDS = 0.012  # fade of a hi-hat that the next one closes
_FLOOR_DB = 80.0  # a decay is followed this far down
LONGEST = 8.0  # seconds that any note sounds at most


@dataclass
class _Tone:
    """One key of one zone, played long enough for every note so far, without its release."""

    zone: Zone
    key: int
    rate: int
    wave: np.ndarray

    def upto(self, length: int) -> np.ndarray:
        """The first `length` samples, fewer where the sample ends."""
        if length > len(self.wave) and self.zone.loop:
            self.wave = _play(self.zone, self.key, rate=self.rate, length=int(length * 1.3))
        return self.wave[:length]


class Instrument:
    """The samples of one instrument at `rate` Hz; keeps what it has played, so use one per song.

    It is tuned up by `tuning` semitones.
    """

    def __init__(self, zones: Sequence[Zone], *, rate: int, tuning: float = 0.0) -> None:
        self._zones = [replace(zone, rate=zone.rate * 2 ** (tuning / 12)) for zone in zones]
        self._rate = rate
        self._tones: dict[tuple[int, int], _Tone] = {}

    def strength(self, key: int) -> float:
        """Root of the summed squares of the first 0.4 s of `key`, struck at velocity 100."""
        sound = self.play([Note(0, 1, key, 100)], seconds_per_tick=0.06, seconds=0.4)
        return float(np.sqrt(np.sum(sound.astype(np.float64) ** 2)))

    def play(
        self,
        notes: Sequence[Note],
        *,
        seconds_per_tick: float,
        seconds: float,
        gains: Mapping[int, float] | None = None,
    ) -> np.ndarray:
        """Audio of `notes`, float32 [round(seconds * rate)]; `gains` maps keys to a factor on their sound."""
        audio = np.zeros(round(seconds * self._rate), dtype=np.float32)
        ends = self._choke_ends(notes)
        for index, note in enumerate(notes):
            start = round(note.start * seconds_per_tick * self._rate)
            if not 0 <= start < len(audio):
                continue
            held = round(note.duration * seconds_per_tick * self._rate)
            choked = (
                round((ends[index] - note.start) * seconds_per_tick * self._rate) if index in ends else None
            )
            for zone_index in self._fitting(note):
                voice = self._voice(zone_index, note, held=held, choked=choked)[: len(audio) - start]
                audio[start : start + len(voice)] += voice * np.float32((gains or {}).get(note.key, 1))
        return audio

    def _fitting(self, note: Note) -> list[int]:
        return [
            i
            for i, zone in enumerate(self._zones)
            if zone.keys[0] <= note.key <= zone.keys[1]
            and zone.velocities[0] <= note.velocity <= zone.velocities[1]
        ]

    def _choke_ends(self, notes: Sequence[Note]) -> dict[int, int]:
        """Index of a note -> tick at which the next note of its exclusive class cuts it."""
        sounding: dict[int, int] = {}
        ends = {}
        for index in sorted(range(len(notes)), key=lambda i: notes[i].start):
            for zone_index in self._fitting(notes[index])[:1]:
                choke = self._zones[zone_index].choke
                if choke and choke in sounding:
                    ends[sounding[choke]] = notes[index].start
                if choke:
                    sounding[choke] = index
        return ends

    def _voice(self, zone_index: int, note: Note, *, held: int, choked: int | None) -> np.ndarray:
        zone = self._zones[zone_index]
        place = (zone_index, note.key)
        if place not in self._tones:
            tone = np.zeros(0, dtype=np.float32)
            if not zone.loop:
                tone = _play(zone, note.key, rate=self._rate, length=round(LONGEST * self._rate))
            self._tones[place] = _Tone(zone, note.key, self._rate, tone)
        # a release is given in seconds per 100 dB; 60 dB down is silence
        tail = min(0.6 * zone.release, 2.0)
        if choked is not None and choked < held + tail * self._rate:
            held, tail = min(held, choked), _CHOKE_SECONDS
        fade = max(int(tail * self._rate), 64)
        voice = self._tones[place].upto(min(held, round(LONGEST * self._rate)) + fade)
        gain = zone.gain * (note.velocity / 127) ** 2
        voice = voice * np.float32(gain)
        if len(voice) > held:
            slope = np.arange(len(voice) - held, dtype=np.float32) / fade
            voice[held:] *= np.exp(-6.9 * slope) * np.minimum(1, 20 * (1 - slope))
        return voice


def _play(zone: Zone, key: int, *, rate: int, length: int) -> np.ndarray:
    """`length` samples of `zone` at `key`, filtered, through attack, hold and decay; float32."""
    ratio = zone.rate / rate * 2 ** ((key - zone.root) * zone.scale / 12)
    wave, last = zone.wave, len(zone.wave) - 1
    if zone.loop is None:
        length = min(length, int(last / ratio))
    place = np.arange(length) * ratio
    if zone.loop is not None:
        first, end = zone.loop
        place = np.where(place >= end, first + (place - first) % (end - first), place)
    below = np.minimum(place.astype(np.int64), last)
    above = below + 1
    if zone.loop is not None:
        above = np.where(above >= zone.loop[1], zone.loop[0], above)
    part = (place - below).astype(np.float32)
    tone = wave[below] * (1 - part) + wave[np.minimum(above, last)] * part
    return np.asarray(_filtered(zone, tone, rate=rate) * _envelope(zone, length, rate=rate), dtype=np.float32)


def _filtered(zone: Zone, tone: np.ndarray, *, rate: int) -> np.ndarray:
    """`tone` through the zone's lowpass; a moving corner is a cross-fade between its two ends."""
    rest = _lowpass(tone, zone.cutoff * 2 ** (zone.opening * zone.opening_rest), rate=rate)
    if zone.opening == 0 or zone.opening_rest == 1:
        return rest
    peak = _lowpass(tone, zone.cutoff * 2**zone.opening, rate=rate)
    time = np.arange(len(tone), dtype=np.float32) / rate
    share = np.clip(1 - time / zone.opening_decay / (1 - zone.opening_rest), 0, 1)
    return np.asarray(rest + (peak - rest) * share, dtype=np.float32)


def _lowpass(tone: np.ndarray, cutoff: float, *, rate: int) -> np.ndarray:
    if cutoff >= min(0.45 * rate, 18_000):
        return tone
    above, below = butter(2, cutoff, fs=rate)
    return np.asarray(lfilter(above, below, tone), dtype=np.float32)


def _envelope(zone: Zone, length: int, *, rate: int) -> np.ndarray:
    """Volume envelope before the release (specification, section 8.1.3); float32 [length]."""
    time = np.arange(length, dtype=np.float32) / rate
    level = np.minimum(1, time / max(zone.attack, 1e-4))
    drop = (time - zone.attack - zone.hold) / zone.decay * 100
    down = np.clip(drop, 0, min(zone.sustain, _FLOOR_DB))
    return np.asarray(level * 10 ** (-down / 20), dtype=np.float32)
