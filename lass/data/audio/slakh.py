"""Reads any folder in the layout of Slakh2100-redux (Manilow et al., 2019): which stems make which source.

root/{train,validation,test}/TrackNNNNN/{metadata.yaml,stems/SXX.flac}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.audio.folders import check_link, files_by_name, only_file, subfolders
from lass.data.audio.metadata import DRUM_PROGRAM, Stem, read_stems
from lass.data.audio.recordings import Listing, Recording

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

    A track is a folder called Track..., or one of another name with a metadata.yaml. A stem counts when its
    audio file is there, whatever `audio_rendered` says. Tracks whose metadata.yaml or stems cannot be
    read are `damaged`. ValueError for an unknown or repeated class, no track, or `files`.
    """
    _check_classes(classes)
    if files:
        raise ValueError(
            f"files {dict(files)}: metadata.yaml says which stem is of which class; leave them out"
        )
    homes = [
        path
        for path in subfolders(folder)
        if path.name.startswith("Track") or (path / "metadata.yaml").exists() or not path.exists()
    ]
    if not homes:
        raise ValueError(f"{folder} has no folder TrackNNNNN: lay it out as {LAYOUT}")
    tracks, left_out, damaged = [], {}, {}
    for home in homes:
        try:
            stems, missing = _find_stems(home, classes)
        except (ValueError, OSError) as error:
            damaged[home.name] = str(error)
            continue
        if missing:
            left_out[home.name] = "; ".join(missing)
        else:
            tracks.append(Recording(home.name, stems))
    return Listing(tuple(tracks), left_out, damaged)


def _check_classes(classes: Sequence[str]) -> None:
    unknown = [name for name in classes if name not in SOURCE_PROGRAMS]
    if unknown:
        raise ValueError(
            f"source class {unknown[0]!r} is unknown: use some of {', '.join(sorted(SOURCE_PROGRAMS))}"
        )
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"source classes {list(classes)} repeat or are none: name each class once")


def _find_stems(home: Path, classes: Sequence[str]) -> tuple[dict[str, tuple[Path, ...]], list[str]]:
    """Audio files of every class, sorted, and what is missing; stems without a file are skipped."""
    entries = read_stems(check_link(home) / "metadata.yaml")
    folder = check_link(home / "stems")
    held = files_by_name(folder) if folder.is_dir() else {}
    stems, missing = {}, []
    for name in classes:
        listed = [stem for stem, entry in sorted(entries.items()) if _belongs(entry, name)]
        paths = [only_file(held, stem) for stem in listed]
        stems[name] = tuple(path for path in paths if path is not None)
        if not stems[name]:
            missing.append(_why_missing(folder, name, listed))
    return stems, missing


def _belongs(entry: Stem, name: str) -> bool:
    return entry.is_drum if name == "drums" else not entry.is_drum and entry.program in SOURCE_PROGRAMS[name]


def _why_missing(folder: Path, name: str, listed: Sequence[str]) -> str:
    """Why a class has no file: none is listed, or none of those listed is there in a format that is read."""
    if not listed:
        return f"metadata.yaml has no stem of class {name}"
    others = [path.name for path in folder.iterdir() if path.stem in listed] if folder.is_dir() else []
    beside = f", but {', '.join(sorted(others))}, which is not read" if others else ""
    return f"no audio file stems/{', stems/'.join(listed)} (class {name}){beside}"
