"""Reads any folder in the layout of Slakh2100-redux (Manilow et al., 2019): which stems make which source.

root/{train,validation,test}/TrackNNNNN/{metadata.yaml,stems/SXX.flac}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lass.data.audio.folders import check_link, files_by_name, only_file, subfolders
from lass.data.audio.metadata import read_stems
from lass.data.audio.recordings import Listing, Recording
from lass.data.programs import check_programs

LAYOUT = "<root>/<split>/TrackNNNNN/{metadata.yaml,stems/SXX.flac}"


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
    check_programs(classes)
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"source classes {list(classes)} repeat or are none: name each class once")


def _find_stems(home: Path, classes: Sequence[str]) -> tuple[dict[str, tuple[Path, ...]], list[str]]:
    """Audio files of every class, sorted, and what is missing; stems without a file are skipped."""
    entries = read_stems(check_link(home) / "metadata.yaml")
    folder = check_link(home / "stems")
    held = files_by_name(folder) if folder.is_dir() else {}
    stems, missing = {}, []
    for name in classes:
        listed = [stem for stem, entry in sorted(entries.items()) if entry.belongs(name)]
        paths = [only_file(held, stem) for stem in listed]
        stems[name] = tuple(path for path in paths if path is not None)
        if not stems[name]:
            missing.append(_why_missing(folder, name, listed))
    return stems, missing


def _why_missing(folder: Path, name: str, listed: Sequence[str]) -> str:
    """Why a class has no file: none is listed, or none of those listed is there in a format that is read."""
    if not listed:
        return f"metadata.yaml has no stem of class {name}"
    others = [path.name for path in folder.iterdir() if path.stem in listed] if folder.is_dir() else []
    beside = f", but {', '.join(sorted(others))}, which is not read" if others else ""
    return f"no audio file stems/{', stems/'.join(listed)} (class {name}){beside}"
