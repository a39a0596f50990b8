"""Reads the sampled instruments of a SoundFont 2 file (Technical Specification 2.04, sections 7 to 9).

The player is our own because the one in symusic 0.5.8 plays the SoundFont at hand several semitones off,
cuts its snare drums to 5 ms and ignores velocity.
"""

import importlib.util
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

_RECORDS = {"phdr": "<20sHHHIII", "inst": "<20sH", "shdr": "<20sIIIIIBbHH"}
_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT, _SAMPLE = 43, 44, 41, 53
# generators that a preset's value replaces or that exist in instruments only
_ABSOLUTE = {_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT, _SAMPLE, 0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58}
_DEFAULTS = {
    8: 13_500,
    27: -12_000,
    28: -12_000,
    34: -12_000,
    35: -12_000,
    36: -12_000,
    38: -12_000,
    56: 100,
    58: -1,
}

Generators = dict[int, int]


@dataclass(frozen=True)
class Zone:
    """One sample with the keys and velocities that it serves, and how it sounds.

    Attributes:
        keys, velocities: inclusive bounds.
        wave: float32 [n], the sample in [-1, 1).
        loop: first and one-past-last frame of the loop; None for a sample that plays once.
        held: the loop goes on through the release.
        rate: sample rate in Hz; root: MIDI key (with cents as fraction) at which `wave` plays unchanged.
        scale: semitones per key.
        gain: linear; cutoff: lowpass corner in Hz, once the modulation envelope has come to rest.
        opening: octaves by which the modulation envelope raises the corner at its peak.
        opening_decay: seconds in which the modulation envelope falls from its peak to nothing.
        opening_rest: share of the peak at which that fall ends.
        attack, hold, decay, release: seconds (attack, hold) and seconds per 100 dB (decay, release).
        sustain: level below the peak in dB.
        choke: exclusive class, 0 for none.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    wave: np.ndarray
    loop: tuple[int, int] | None
    rate: float
    root: float
    scale: float
    gain: float
    cutoff: float
    opening: float
    opening_decay: float
    opening_rest: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float
    choke: int


def bundled_soundfont() -> Path:
    """The General MIDI SoundFont that the pretty_midi package ships."""
    spec = importlib.util.find_spec("pretty_midi")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "TimGM6mb.sf2"
        if path.is_file():
            return path
    raise FileNotFoundError("TimGM6mb.sf2 is not there: install the package pretty_midi, which ships it")


class SoundFont:
    """The presets of the SoundFont 2 file at `path`; raises ValueError for any other file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
            raise ValueError(f"{path} is no SoundFont 2 file: reinstall the package that ships it")
        self._chunks = _chunks(data)
        self._samples = np.frombuffer(self._chunks["smpl"], dtype="<i2")
        self._headers = {
            name: list(struct.iter_unpack(form, self._chunks[name])) for name, form in _RECORDS.items()
        }
        self.presets: dict[tuple[int, int], str] = {
            (row[2], row[1]): _text(row[0]) for row in self._headers["phdr"][:-1]
        }
        self._places = {(row[2], row[1]): i for i, row in enumerate(self._headers["phdr"][:-1])}

    def zones(self, *, bank: int, program: int) -> list[Zone]:
        """Zones of a preset (bank 128 holds the drum kits); ValueError when the file has no such preset."""
        if (bank, program) not in self._places:
            raise ValueError(
                f"bank {bank}, program {program} is not in the SoundFont; it has {sorted(self.presets)}"
            )
        place = self._places[bank, program]
        first, last = (self._headers["phdr"][place + i][3] for i in (0, 1))
        found = []
        for outer in self._merged("pbag", "pgen", first, last, _INSTRUMENT):
            first, last = (self._headers["inst"][outer[_INSTRUMENT] + i][1] for i in (0, 1))
            for inner in self._merged("ibag", "igen", first, last, _SAMPLE):
                zone = self._zone(outer, inner)
                if zone is not None:
                    found.append(zone)
        return found

    def _merged(self, bags: str, gens: str, first: int, last: int, target: int) -> list[Generators]:
        """Generators of the zones [first, last) that name a `target`, each on top of the global zone."""
        shared: Generators = {}
        found = []
        for bag in range(first, last):
            start, end = (struct.unpack_from("<H", self._chunks[bags], 4 * (bag + i))[0] for i in (0, 1))
            own = dict(struct.iter_unpack("<Hh", self._chunks[gens][4 * start : 4 * end]))
            if target in own:
                found.append(shared | own)
            elif bag == first:
                shared = own
        return found

    def _zone(self, outer: Generators, inner: Generators) -> Zone | None:
        values = dict(inner)
        for name, value in outer.items():
            if name not in _ABSOLUTE:
                values[name] = values.get(name, _DEFAULTS.get(name, 0)) + value
        keys = _overlap(_bounds(outer, _KEY_RANGE), _bounds(inner, _KEY_RANGE))
        velocities = _overlap(_bounds(outer, _VELOCITY_RANGE), _bounds(inner, _VELOCITY_RANGE))
        if keys is None or velocities is None:
            return None

        def get(name: int) -> int:
            return values.get(name, _DEFAULTS.get(name, 0))

        _, start, end, loop_start, loop_end, rate, root, cents, _, _ = self._headers["shdr"][inner[_SAMPLE]]
        start, end = start + get(0) + 32_768 * get(4), end + get(1) + 32_768 * get(12)
        loop = (loop_start + get(2) + 32_768 * get(45) - start, loop_end + get(3) + 32_768 * get(50) - start)
        looped = get(54) & 1 and 0 <= loop[0] < loop[1] <= end - start
        root = get(58) if get(58) >= 0 else root
        return Zone(
            keys=keys,
            velocities=velocities,
            wave=self._samples[start:end].astype(np.float32) / 32_768,
            loop=loop if looped else None,
            rate=rate,
            root=root - get(51) - (get(52) + cents) / 100,
            scale=get(56) / 100,
            gain=10
            ** (-0.4 * get(48) / 200),  # real players weigh this generator by 0.4, and fonts count on it
            cutoff=8.176 * 2 ** (get(8) / 1200),
            opening=get(11) / 1200,
            opening_decay=_seconds(get(27)) + _seconds(get(28)),
            opening_rest=1 - min(max(get(29), 0), 1000) / 1000,
            attack=_seconds(get(34)),
            hold=_seconds(get(35)),
            decay=_seconds(get(36)),
            sustain=get(37) / 10,
            release=_seconds(get(38)),
            choke=get(57),
        )


@cache
def read_soundfont(path: Path) -> SoundFont:
    """The SoundFont at `path`, read once per process."""
    return SoundFont(path)


def _chunks(data: bytes) -> dict[str, bytes]:
    """Every leaf chunk of a RIFF file by its name."""
    found: dict[str, bytes] = {}
    ends, at = [len(data)], 12
    while at + 8 <= ends[0]:
        name, size = data[at : at + 4].decode("ascii"), struct.unpack_from("<I", data, at + 4)[0]
        if name == "LIST":
            at += 12
            continue
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii", errors="replace")


def _bounds(values: Generators, name: int) -> tuple[int, int]:
    raw = values.get(name, 127 << 8) & 0xFFFF
    return raw & 0xFF, raw >> 8


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def _seconds(timecents: int) -> float:
    return float(2 ** (timecents / 1200))
