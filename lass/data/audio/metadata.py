"""Reads the metadata.yaml of a track in Slakh's layout, also as other tools and systems write it."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from lass.data.audio.folders import check_link
from lass.data.programs import DRUM_PROGRAM, SOURCE_PROGRAMS

_TRUE, _FALSE = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")
_NULL = ("", "null", "~")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16 does, so it stands before it
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What a file begins with -> its encoding."""


@dataclass(frozen=True)
class Stem:
    """What metadata.yaml says of a stem; `program` counts from 0 and is None where drums have none."""

    is_drum: bool
    program: int | None

    def belongs(self, name: str) -> bool:
        """Whether it is a part of the source of class `name`."""
        if name == "drums":
            return self.is_drum
        return not self.is_drum and self.program in SOURCE_PROGRAMS[name]


def read_stems(path: Path) -> dict[str, Stem]:
    """The stems of the metadata.yaml at `path`, by the names of their files.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: no YAML in UTF-8, UTF-16 or UTF-32, or a value that says nothing, naming file and key.
    """
    if not check_link(path).is_file():
        raise FileNotFoundError(f"{path} is not there: complete the track's folder, or take it away")
    text = _decode(path)
    try:
        # every value as text: so 01 names a file, and quotes mean nothing
        document = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())  # of several lines
        raise ValueError(f"{path} is no readable YAML ({reason}): download or make it again") from error
    stems = document.get("stems") if isinstance(document, dict) else None
    if not isinstance(stems, dict):
        raise ValueError(f"{path} has no mapping `stems` of stems: download or make it again")
    return {_name(path, name): _stem(path, name, entry) for name, entry in stems.items()}


def _decode(path: Path) -> str:
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    shown = encoding.removesuffix("-sig").upper()
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text in {shown} ({error.reason}, byte {error.start}); "
            "perhaps it is in Latin-1 or Windows-1252: save it as UTF-8"
        ) from error


def _name(path: Path, name: object) -> str:
    if not isinstance(name, str) or not name or Path(name).name != name or name == ".." or "\\" in name:
        raise ValueError(f"{path}: stems.{name} is no name of a file in `stems`: name it without folders")
    return name


def _stem(path: Path, name: str, entry: object) -> Stem:
    if not isinstance(entry, Mapping):
        raise ValueError(
            f"{path}: stems.{name} is {_shown(entry)}, but must be a mapping with is_drum and program_num: "
            "complete the stem, or take it away"
        )
    drum, number = (entry.get(key, "") for key in ("is_drum", "program_num"))
    program = None if _is_null(number) else _program(path, f"stems.{name}.program_num", number)
    if _is_null(drum):
        is_drum = program == DRUM_PROGRAM
    else:
        is_drum = _truth(path, f"stems.{name}.is_drum", drum) or program == DRUM_PROGRAM
    if program is None and not is_drum:
        raise ValueError(
            f"{path}: stems.{name}.program_num is null or missing: give the General MIDI program, 0 to "
            f"{DRUM_PROGRAM}, or is_drum: true"
        )
    return Stem(is_drum, program)


def _truth(path: Path, key: str, value: object) -> bool:
    text = value.lower() if isinstance(value, str) else None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"{path}: {key} is {_shown(value)}, but must be true or false")


def _program(path: Path, key: str, value: object) -> int:
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        number = None
    if number is None or number not in range(DRUM_PROGRAM + 1):
        raise ValueError(
            f"{path}: {key} is {_shown(value)}, but must be a General MIDI program from 0 to {DRUM_PROGRAM}"
        )
    return int(number)


def _is_null(value: object) -> bool:
    return isinstance(value, str) and value.lower() in _NULL


def _shown(value: object) -> str:
    return "null" if _is_null(value) else repr(value)
