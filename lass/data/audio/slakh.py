"""Reads any folder in the layout of Slakh2100-redux (Manilow et al., 2019): which stems make which source.

root/{train,validation,test}/TrackNNNNN/{metadata.yaml,stems/SXX.flac}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lass.data.audio.recordings import Listing, Recording

DRUM_PROGRAM = 128
SUFFIXES = (".flac", ".wav")
LAYOUT = "<root>/<split>/TrackNNNNN/{metadata.yaml,stems/SXX.flac}"
_FAMILIES = (
    "piano", "chromatic_percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "synth_lead", "synth_pad", "synth_effects", "ethnic", "percussive", "sound_effects",
)  # fmt: skip

# source class -> General MIDI programs, counted from 0; drums are every stem with `is_drum`, too
SOURCE_PROGRAMS: dict[str, frozenset[int]] = {"drums": frozenset({DRUM_PROGRAM})} | {
    family: frozenset(range(8 * index, 8 * index + 8)) for index, family in enumerate(_FAMILIES)
}


def find_recordings(folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]) -> Listing:
    """The tracks in `folder` that have a stem of every class in `classes`.

    A stem counts when its audio file is there, whatever `audio_rendered` says.

    Raises:
        FileNotFoundError: no metadata.yaml.
        ValueError: unknown or repeated class, no track, unreadable metadata.yaml, or `files`.
    """
    _check_classes(classes)
    if files:
        raise ValueError(
            f"files {dict(files)}: metadata.yaml says which stem is of which class; leave them out"
        )
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
            tracks.append(Recording(home.name, stems))
    return Listing(tuple(tracks), left_out)


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
