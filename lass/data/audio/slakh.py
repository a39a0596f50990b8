"""Reads any folder in the layout of Slakh2100-redux (Manilow et al., 2019): which stems make which source.

root/{train,validation,test}/TrackNNNNN/{metadata.yaml,stems/SXX.flac}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lass.data.audio.files import audio_rate, read_audio, resample, to_mono

DRUM_PROGRAM = 128
SUFFIXES = (".flac", ".wav")
LAYOUT = "<root>/<split>/TrackNNNNN/{metadata.yaml,stems/SXX.flac}"
_MOST_APART = 0.1  # seconds by which the stems of a track may differ in length
_FAMILIES = (
    "piano", "chromatic_percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "synth_lead", "synth_pad", "synth_effects", "ethnic", "percussive", "sound_effects",
)  # fmt: skip

# source class -> General MIDI programs, counted from 0; drums are every stem with `is_drum`, too
SOURCE_PROGRAMS: dict[str, frozenset[int]] = {"drums": frozenset({DRUM_PROGRAM})} | {
    family: frozenset(range(8 * index, 8 * index + 8)) for index, family in enumerate(_FAMILIES)
}


@dataclass(frozen=True)
class Track:
    """A song: its folder's name, and the stem files of each source class in the order asked for."""

    name: str
    stems: dict[str, tuple[Path, ...]]


@dataclass(frozen=True)
class TrackListing:
    """The tracks of a split, sorted by name, and those left out: name -> reason."""

    tracks: tuple[Track, ...]
    left_out: dict[str, str]


def find_tracks(root: Path, *, split: str, classes: Sequence[str]) -> TrackListing:
    """The tracks of `root`/`split` that have a stem of every class in `classes`.

    A stem counts when its audio file is there, whatever `audio_rendered` says.

    Raises:
        FileNotFoundError: no such root, split or metadata.yaml.
        ValueError: unknown or repeated class, a split without tracks, unreadable metadata.yaml.
    """
    _check_classes(classes)
    folder = root / split
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder: set slakh.root to a folder laid out as {LAYOUT}")
    if not folder.is_dir():
        raise FileNotFoundError(f"{root} has no folder {split!r}: lay it out as {LAYOUT}")
    homes = sorted(path for path in folder.glob("Track*") if path.is_dir())
    if not homes:
        raise ValueError(f"{folder} has no folder TrackNNNNN: lay it out as {LAYOUT}")
    tracks, left_out = [], {}
    for home in homes:
        stems = {name: _stem_files(home, name) for name in classes}
        missing = [name for name in classes if not stems[name]]
        if missing:
            left_out[home.name] = f"no stem with an audio file of class {', '.join(missing)}"
        else:
            tracks.append(Track(home.name, stems))
    return TrackListing(tuple(tracks), left_out)


def read_sources(track: Track, *, rate: int) -> np.ndarray:
    """The sources of `track`, float32 [N, T] at `rate` Hz, in the order of `track.stems`.

    The stems of a class are summed. Stems that differ by up to 0.1 s are cut to the shortest.

    Raises:
        FileNotFoundError: a stem has gone.
        ValueError: a stem is damaged, has another rate than the rest, or is too much shorter than the rest.
    """
    found_rate: int | None = None
    waves: dict[Path, np.ndarray] = {}
    for path in (path for paths in track.stems.values() for path in paths):
        stem = read_audio(path)
        stem_rate = audio_rate(path)
        if found_rate is not None and stem_rate != found_rate:
            raise ValueError(
                f"{path} has {stem_rate} Hz, others of {track.name} {found_rate} Hz: give them one rate"
            )
        found_rate = stem_rate
        waves[path] = to_mono(stem)
    if found_rate is None:
        raise ValueError(f"{track.name} has no stems: list it with find_tracks, which leaves such tracks out")
    length = _shortest(waves, rate=found_rate)
    sources = [np.sum([waves[path][:length] for path in paths], axis=0) for paths in track.stems.values()]
    return resample(np.stack(sources), source_rate=found_rate, target_rate=rate)


def _check_classes(classes: Sequence[str]) -> None:
    unknown = [name for name in classes if name not in SOURCE_PROGRAMS]
    if unknown:
        raise ValueError(
            f"source class {unknown[0]!r} is unknown: use some of {', '.join(sorted(SOURCE_PROGRAMS))}"
        )
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"source classes {list(classes)} repeat or are none: name each class once")


def _stem_files(home: Path, name: str) -> tuple[Path, ...]:
    """Audio files of the stems of class `name`, sorted; stems without a file are skipped."""
    files = []
    for stem, entry in sorted(_read_stems(home / "metadata.yaml").items()):
        is_drum = bool(entry.get("is_drum")) or entry.get("program_num") == DRUM_PROGRAM
        belongs = (
            is_drum if name == "drums" else not is_drum and entry.get("program_num") in SOURCE_PROGRAMS[name]
        )
        paths = [home / "stems" / f"{stem}{suffix}" for suffix in SUFFIXES]
        if belongs:
            files += [path for path in paths if path.is_file()][:1]
    return tuple(files)


def _read_stems(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The entry `stems` of a metadata.yaml."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: complete the track's folder, or take it away")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no readable YAML ({error}): download or make it again") from error
    stems = document.get("stems") if isinstance(document, dict) else None
    if not isinstance(stems, dict) or not all(isinstance(entry, dict) for entry in stems.values()):
        raise ValueError(f"{path} has no mapping `stems` of stems: download or make it again")
    return stems


def _shortest(waves: Mapping[Path, np.ndarray], *, rate: int) -> int:
    """Length of the shortest wave; ValueError where it is too far from the longest."""
    short = min(waves, key=lambda path: len(waves[path]))
    length, longest = len(waves[short]), max(len(wave) for wave in waves.values())
    if longest - length > _MOST_APART * rate:
        raise ValueError(
            f"{short} is {(longest - length) / rate:.3f} s shorter than another stem of its track, more than "
            f"{_MOST_APART} s: download or make it again"
        )
    return length
