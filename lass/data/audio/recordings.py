"""Recordings of a split: which files make the source of which class, whoever laid the folder out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from lass.data.audio.files import cancelling, read_sound, resample, to_mono
from lass.data.splits import folder_of_split, part_of_split

_MOST_APART = 0.1  # seconds by which the stems of a recording may differ in length
_LOUDEST = 4.0  # peak beyond which a file is thought to be out of scale: sums of many tracks may exceed 1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A song or an utterance: its name, and the files of each of its classes, in order."""

    name: str
    stems: dict[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Listing:
    """The recordings of a folder, sorted by name; of others, why they are left out or cannot be read."""

    recordings: tuple[Recording, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """A module that reads folders laid out in one way; `lass.config.registry` names it."""

    LAYOUT: str  # what a root looks like, for messages

    def find_recordings(
        self, folder: Path, *, classes: Sequence[str], files: Mapping[str, Sequence[str]]
    ) -> Listing:
        """The recordings of the split in `folder`; `files` says where those of a class are, if not as usual.

        What is wrong with one recording is no error but stands in `damaged`, so that all are found at once.
        FileNotFoundError or ValueError, naming the folder and the layout, where there are none.
        """


def list_recordings(
    module: str,
    *,
    root: Path,
    split: str,
    classes: Sequence[str],
    files: Mapping[str, Sequence[str]],
    held_out: int | None,
) -> Listing:
    """The recordings of the split `split` of the data set in `root`, which `module` knows how to read.

    `module` is the name of a `Reader`, such as lass.data.audio.stems (`lass.config.registry` has them all).

    Where `root` has no folder `validation`, `held_out` recordings of train, evenly spread over the sorted
    list, are that split, and train is the rest.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: an unknown class, or no recording.
    """
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"classes {list(classes)} repeat or are none: name each class once")
    strange = [name for name in files if name not in classes]
    if strange:
        raise ValueError(f"files are named for {strange[0]!r}, but the classes are {', '.join(classes)}")
    reader = cast(Reader, import_module(module))
    folder = folder_of_split(root, split, held_out=held_out, layout=reader.LAYOUT)
    listing = reader.find_recordings(folder, classes=classes, files=files)
    if not listing.recordings and listing.damaged:
        everything = len(listing.damaged) + len(listing.left_out)
        raise ValueError(f"{folder}: no recording is left; {describe_damage(listing.damaged, of=everything)}")
    if not listing.recordings:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(listing.left_out.items())[:3])
        raise ValueError(
            f"{folder}: all {len(listing.left_out)} recordings are left out ({reasons}): change the classes "
            f"({', '.join(classes)}) or the recordings, laid out as {reader.LAYOUT}"
        )
    recordings = part_of_split(listing.recordings, root, split, held_out=held_out)
    return Listing(tuple(recordings), listing.left_out, listing.damaged)


def describe_damage(damaged: Mapping[str, str], *, of: int) -> str:
    """What is wrong with the recordings `damaged` (name -> reason) among so many, a line for each."""
    lines = "".join(f"\n  {name}: {reason}" for name, reason in sorted(damaged.items()))
    return (
        f"{len(damaged)} of {of} recordings are damaged: mend them or take them away, or set "
        f"`datasets.<name>.damaged: skip` to leave them out{lines}"
    )


def read_sources(recording: Recording, *, rate: int) -> np.ndarray:
    """The sources of `recording`, float32 [N, T] at `rate` Hz, in the order of `recording.stems`.

    The stems of a class are summed. Stems that differ by up to 0.1 s are cut to the shortest.

    Raises:
        FileNotFoundError: a stem has gone.
        ValueError: a stem is damaged, has another rate than the rest, or is too much shorter than the rest.
    """
    found_rate: int | None = None
    waves: dict[Path, np.ndarray] = {}
    for path in (path for paths in recording.stems.values() for path in paths):
        sound = read_sound(path)
        if found_rate is not None and sound.rate != found_rate:
            raise ValueError(
                f"{path} has {sound.rate} Hz, others of {recording.name} {found_rate} Hz: give them one rate"
            )
        found_rate = sound.rate
        waves[path] = mix_channels(path, sound.samples)
    if found_rate is None:
        raise ValueError(f"{recording.name} has no stems: list it with list_recordings, which leaves it out")
    length = _shortest(waves, rate=found_rate)
    sources = [np.sum([waves[path][:length] for path in paths], axis=0) for paths in recording.stems.values()]
    return resample(np.stack(sources), source_rate=found_rate, target_rate=rate)


def mix_channels(path: Path, audio: np.ndarray) -> np.ndarray:
    """`audio` [channels, T] of the file at `path` as [T]; warns where they cancel, or are out of scale."""
    peak, channel = float(np.abs(audio).max()), cancelling(audio)
    if peak > _LOUDEST:
        logger.warning(
            "%s: peaks at %g, where full scale is 1; perhaps it holds whole numbers as floats: divide it by "
            "32768 (16 bits) or by its peak, and write it anew",
            path,
            peak,
        )
    if channel is not None:
        logger.warning(
            "%s: its %d channels cancel when they are mixed to mono: channel %d alone is taken",
            path,
            len(audio),
            channel + 1,
        )
    return to_mono(audio) if channel is None else audio[channel]


def _shortest(waves: Mapping[Path, np.ndarray], *, rate: int) -> int:
    """Length of the shortest wave; ValueError where it is too far from the longest."""
    short = min(waves, key=lambda path: len(waves[path]))
    long = max(waves, key=lambda path: len(waves[path]))
    length, longest = len(waves[short]), len(waves[long])
    if longest - length > _MOST_APART * rate:
        raise ValueError(
            f"{short} is {(longest - length) / rate:.3f} s shorter than {long} ({length / rate:.3f} s and "
            f"{longest / rate:.3f} s), more than {_MOST_APART} s: one of them is of something else or damaged"
        )
    return length
