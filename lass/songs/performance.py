"""Plays a composed song: the audio of each part, on the instruments and with the effects asked for."""

from dataclasses import dataclass, replace

import numpy as np

from lass.songs.alterations import alter
from lass.songs.composer import compose_song, derive_seed
from lass.songs.palette import Sound, of_style, open_palette, playable
from lass.songs.score import Part, Song
from lass.songs.settings import Alterations
from lass.songs.synthesis import Instrument

RATE = 44_100
LEVEL_DB = {"drums": -20.0, "bass": -20.0, "harmony": -23.0}  # RMS of the active parts
_SPREAD_DB = 2.0  # each stem is up to this much louder or quieter
# the mixing desk: how strong each drum is beside the others (root of the summed squares, at velocity 100),
# because the kits' own balance is from inaudible hi-hats to toms that bury the rest
_STRENGTHS = {
    35: 13, 36: 13, 37: 6, 38: 12, 39: 9, 40: 12, 41: 11, 43: 11, 45: 10, 47: 10, 48: 9, 50: 9, 42: 3.2,
    44: 2.6, 46: 5, 51: 3.6, 59: 3.6, 53: 3.6, 49: 8, 57: 8, 54: 3, 56: 3.2,
    62: 4, 63: 5, 64: 6, 70: 2, 75: 3,
}  # fmt: skip


@dataclass(frozen=True)
class Playing:
    """What songs are played on, as `lass.songs.settings.Composed` says it."""

    soundfonts: tuple[str, ...] = ()  # empty: the instruments of the style
    alterations: Alterations | None = None


AS_COMPOSED = Playing()


@dataclass(frozen=True)
class Performance:
    """One part of a song as it sounds: float32 [T] at its level, and the names of what played it."""

    audio: np.ndarray
    sounds: tuple[str, ...]


def perform_song(*, seed: int, seconds: float, playing: Playing) -> tuple[Song, dict[str, Performance]]:
    """The song of `seed`, and class -> its part of `seconds` s; the same arguments, the same samples."""
    altered = playing.alterations
    if altered is None:
        song = compose_song(seed=seed, seconds=seconds)
    else:
        rng = np.random.default_rng(derive_seed("tempo", seed))
        song = compose_song(seed=seed, seconds=seconds * (1 + altered.tempo))
        song = replace(song, tempo=song.tempo * float(1 + rng.uniform(-altered.tempo, altered.tempo)))
    spread = _SPREAD_DB if altered is None else max(_SPREAD_DB, altered.level)
    levels = np.random.default_rng(derive_seed("level", seed))
    performances = {}
    for kind, part in song.parts.items():
        rng = np.random.default_rng(derive_seed("performance", kind, seed))
        sounds = _sounds(part, playing, rng)
        audio = sum(
            (_played(song, part, sound, seconds=seconds, altered=altered, rng=rng) for sound in sounds),
            start=np.zeros(round(seconds * RATE), dtype=np.float32),
        )
        if altered is not None:
            audio = alter(audio, altered, rate=RATE, rng=rng)
        level = 10 ** ((LEVEL_DB[kind] + levels.uniform(-spread, spread)) / 20)
        loud = audio * np.float32(level / _active_rms(audio))
        performances[kind] = Performance(loud, tuple(sound.name for sound in sounds))
    return song, performances


def _sounds(part: Part, playing: Playing, rng: np.random.Generator) -> list[Sound]:
    """What plays a part: the instrument of the style, or one or two of the palette."""
    own = of_style(part.program, is_drum=part.is_drum)
    drawn = bool(playing.soundfonts) and part.name != "Harmony"  # of which the style has many
    count = 1 if playing.alterations is None else 1 + int(rng.random() < playing.alterations.layered)
    if not drawn:
        return [own]
    palette = open_palette(playing.soundfonts)
    return [palette.draw(rng, is_drum=part.is_drum) for _ in range(count)]


def _played(
    song: Song,
    part: Part,
    sound: Sound,
    *,
    seconds: float,
    altered: Alterations | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """A part on one instrument, float32 [T]: tuned and, if it is a kit, balanced."""
    zones = sound.zones
    tuning = 0.0
    if altered is not None:
        most = altered.drum_tuning if part.is_drum else altered.tuning
        tuning = float(rng.uniform(-most, most))
    player = Instrument(zones, rate=RATE, tuning=tuning)
    if not part.is_drum:
        return player.play(part.notes, seconds_per_tick=song.seconds_per_tick, seconds=seconds)
    notes = playable(part.notes, zones)
    gains = {key: _STRENGTHS[key] / player.strength(key) for key in sorted({note.key for note in notes})}
    if altered is not None:
        gains = {
            key: gain * 10 ** (float(rng.uniform(-altered.balance, altered.balance)) / 20)
            for key, gain in gains.items()
        }
    return player.play(notes, seconds_per_tick=song.seconds_per_tick, seconds=seconds, gains=gains)


def _active_rms(audio: np.ndarray) -> float:
    """RMS of the frames of 50 ms within 40 dB of the loudest; 1 for silence."""
    frame = RATE // 20
    if len(audio) < frame:
        frame = len(audio)
    power = (audio[: len(audio) // frame * frame].reshape(-1, frame).astype(np.float64) ** 2).mean(axis=1)
    active = power[power > 1e-4 * power.max()]
    return float(np.sqrt(active.mean())) if len(active) else 1.0
