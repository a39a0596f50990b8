"""Reads drum kits of Hydrogen, the drum machine: a folder with `drumkit.xml` and one file per sample."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import soundfile

from lass.songs.soundfont import Zone
from lass.songs.synthesis import LONGEST

DESCRIPTION = "drumkit.xml"
# what a name of an instrument says it is, first match wins -> General MIDI keys
_NAMES = (
    (r"kick|bass ?drum", (36, 35)),
    (r"stick|rim click|\bclick\b", (37,)),
    (r"snare", (38, 40)),
    (r"clap|snap", (39,)),
    (r"(hat|hh).*(pedal|pd\b)|pedal hh", (44,)),
    (r"(hat|hh).*(open|\bop\b)|(open|side o)\s?hh", (46,)),
    (r"hat|hh", (42,)),
    (r"tom.*(lo|floor)|floor", (43, 41)),
    (r"tom.*(hi|1)", (50, 48)),
    (r"tom", (47, 45)),
    (r"ride.*(bell|cup)|\bbell\b", (53,)),
    (r"ride", (51, 59)),
    (r"crash|cymbal", (49, 57)),
    (r"tambourine", (54,)),
    (r"cowbell", (56,)),
    (r"maraca", (70,)),
    (r"clave", (75,)),
    (r"conga|bongo", (62, 63, 64)),
)
_HATS = (42, 44, 46)  # of which one silences the others
_NEEDED = {36, 38, 42}  # a kit without kick, snare and hi-hat plays no song


def describe_drumkit(folder: Path) -> list[tuple[ElementTree.Element, tuple[int, ...]]]:
    """The instruments of the kit in `folder` that have samples, each with the General MIDI keys of its name.

    ValueError where it is no kit, or one without kick, snare or hi-hat by name. Instruments of other names
    are left out, and so are further ones of a name that is taken.
    """
    try:
        root = ElementTree.parse(folder / DESCRIPTION).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"{folder} is no drum kit of Hydrogen ({error}): name the folder of one") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # newer kits have a namespace
    instruments, taken = [], set[int]()
    for instrument in root.iter("instrument"):
        keys = keys_of(instrument.findtext("name") or "")
        if keys and keys[0] not in taken and any(path.is_file() for path, _ in _layers(folder, instrument)):
            taken.update(keys)
            instruments.append((instrument, keys))
    if not taken >= _NEEDED:
        raise ValueError(f"{folder} has no kick, snare or hi-hat by name: choose another kit")
    return instruments


@lru_cache(maxsize=2)  # a kit takes some 100 MB
def read_drumkit(folder: Path) -> list[Zone]:
    """The samples of the kit in `folder`; ValueError as from `describe_drumkit`, or for a damaged sample."""
    return [
        zone
        for instrument, keys in describe_drumkit(folder)
        for path, layer in _layers(folder, instrument)
        if path.is_file()
        for zone in _zones(path, instrument, layer, keys)
    ]


def _layers(folder: Path, instrument: ElementTree.Element) -> list[tuple[Path, ElementTree.Element]]:
    """The files of an instrument, and what says how they are played: itself, where it has one alone."""
    layers = list(instrument.iter("layer")) or [instrument]
    return [(folder / (layer.findtext("filename") or "-"), layer) for layer in layers]


def keys_of(name: str) -> tuple[int, ...]:
    """General MIDI keys of an instrument by its name; none where it says nothing."""
    return next((keys for pattern, keys in _NAMES if re.search(pattern, name.lower())), ())


def _zones(
    path: Path, instrument: ElementTree.Element, layer: ElementTree.Element, keys: tuple[int, ...]
) -> list[Zone]:
    """One layer of an instrument at each of its keys."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} is damaged or no audio file ({error}): install the kit again") from error
    softest, loudest = round(127 * _number(layer, "min", 0)), round(127 * _number(layer, "max", 1))
    plain = Zone(
        keys=(0, 127),
        velocities=(softest, max(loudest, softest)),
        wave=samples[: round(LONGEST * rate)].mean(axis=1),
        loop=None,
        rate=rate,
        root=0.0,
        scale=0.0,
        gain=_number(layer, "gain", 1) * _number(instrument, "volume", 1),
        cutoff=20_000.0,
        opening=0.0,
        opening_decay=1.0,
        opening_rest=1.0,
        attack=0.0,
        hold=0.0,
        decay=100.0,
        sustain=0.0,
        release=10.0,
        choke=1 if keys[0] in _HATS else 0,
    )
    return [replace(plain, keys=(key, key)) for key in keys]


def _number(element: ElementTree.Element, name: str, default: float) -> float:
    return float(element.findtext(name) or default)
