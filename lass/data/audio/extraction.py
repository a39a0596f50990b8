"""Extracts the sources of a split: every recording in its turn, all that are damaged named at once."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lass.data.audio.files import write_audio
from lass.data.audio.recordings import Listing, describe_damage, read_sources
from lass.data.audio.tracks import INDEX, Entry, Index, path_of
from lass.writing import written_aside

logger = logging.getLogger(__name__)


def write_sources(
    folder: Path, listing: Listing, *, rate: int, classes: Sequence[str], skip_damaged: bool = False
) -> None:
    """Write the sources of the recordings at `rate` Hz, one file each, and then the index of all.

    Damaged ones, of the listing or found here, are left out and logged where `skip_damaged`. ValueError that
    tells of all of them otherwise, or where none is left; and where two have the same name.
    """
    entries: dict[str, Entry] = {}
    damaged = dict(listing.damaged)
    for recording in listing.recordings:
        if recording.name in entries:
            raise ValueError(f"two recordings are called {recording.name!r}: rename or remove one of them")
        try:
            audio = read_sources(recording, rate=rate)
        except (ValueError, OSError) as error:
            damaged[recording.name] = str(error)
            continue
        if damaged and not skip_damaged:
            continue  # nothing comes of it, but the next may be damaged, too
        write_audio(path_of(folder, recording.name), audio, rate=rate)
        digest = hashlib.sha256(np.ascontiguousarray(audio).tobytes()).hexdigest()
        entries[recording.name] = Entry(classes=tuple(recording.stems), frames=audio.shape[1], sha256=digest)
    if damaged and (not skip_damaged or not entries):
        raise ValueError(describe_damage(damaged, of=len({*damaged, *(r.name for r in listing.recordings)})))
    for name, reason in sorted(damaged.items()):
        logger.warning("left out %s, which is damaged: %s", name, reason)
    write_index(folder, entries, rate=rate, classes=classes)


def write_index(folder: Path, entries: Mapping[str, Entry], *, rate: int, classes: Sequence[str]) -> None:
    """Write what the folder of a split says about its files."""
    index = Index(
        format="lass.sources",
        version=1,
        rate=rate,
        classes=tuple(classes),
        items=dict(sorted(entries.items())),
    )
    with written_aside(folder / INDEX) as aside:
        aside.write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
