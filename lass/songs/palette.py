"""The kits and basses that songs are played on: those of a style, or any of the SoundFonts and kits given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lass.songs.drumkits import DESCRIPTION, describe_drumkit, read_drumkit
from lass.songs.score import Note
from lass.songs.soundfont import SoundFont, Zone, bundled_soundfont, read_soundfont
from lass.songs.synthesis import DRUM_BANK

_BASSES = (*range(32, 40), 43, 87)  # General MIDI: eight basses, contrabass, and a lead synthesiser with bass
# what stands in for a drum that a kit lacks
_STAND_INS = {
    35: (36,), 40: (38,), 39: (38,), 37: (38,), 43: (41, 47, 45), 41: (43, 47, 45), 45: (47, 43),
    47: (45, 43), 48: (50, 47), 50: (48, 47), 57: (49,), 49: (57, 51), 59: (51,), 53: (51,), 51: (59, 49),
    44: (42,), 46: (42,), 54: (42,), 70: (42,), 75: (37,), 56: (37,), 62: (48, 47), 63: (48, 47),
    64: (45, 43),
}  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """One instrument: the file or folder that has it, and which of its presets it is."""

    path: Path
    bank: int
    program: int

    @property
    def zones(self) -> list[Zone]:
        """Its samples; ValueError where the file has no such preset."""
        if (self.path / DESCRIPTION).is_file():
            return read_drumkit(self.path)
        return read_soundfont(self.path).zones(bank=self.bank, program=self.program)

    @property
    def name(self) -> str:
        """As metadata has it."""
        return f"{self.path.name}, {'kit' if self.bank == DRUM_BANK else 'program'} {self.program}"


@dataclass(frozen=True)
class Palette:
    """All kits and basses at hand, a list for each file that has any."""

    kits: tuple[tuple[Sound, ...], ...]
    basses: tuple[tuple[Sound, ...], ...]

    def draw(self, rng: np.random.Generator, *, is_drum: bool) -> Sound:
        """A kit or a bass: every file is as likely, and within it every instrument."""
        files = self.kits if is_drum else self.basses
        sounds = files[int(rng.integers(len(files)))]
        return sounds[int(rng.integers(len(sounds)))]


def of_style(program: int, *, is_drum: bool) -> Sound:
    """An instrument of the SoundFont that comes with the project."""
    return Sound(bundled_soundfont(), DRUM_BANK if is_drum else 0, program)


@cache
def open_palette(paths: tuple[str, ...]) -> Palette:
    """The SoundFont that comes with the project, and those and the folders of kits at `paths`.

    A SoundFont without General MIDI's bank of kits is taken for drum kits throughout. FileNotFoundError or
    ValueError, naming the path, where there is nothing of the kind.
    """
    kits, basses = [], []
    for path in (bundled_soundfont(), *(Path(text).expanduser() for text in paths)):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: correct composed.soundfonts, or install it")
        for drums, own in _sounds(path):
            kits += [drums] if drums else []
            basses += [own] if own else []
    return Palette(tuple(kits), tuple(basses))


def playable(notes: Iterable[Note], zones: Sequence[Zone]) -> list[Note]:
    """The notes of a drum part on the keys that a kit has; those that nothing stands in for are left out."""
    keys = {key for zone in zones for key in range(zone.keys[0], zone.keys[1] + 1)}
    played = []
    for note in notes:
        fitting = [key for key in (note.key, *_STAND_INS.get(note.key, ())) if key in keys]
        if fitting:
            played.append(note._replace(key=fitting[0]))
    return played


def _sounds(path: Path) -> list[tuple[tuple[Sound, ...], tuple[Sound, ...]]]:
    """Kits and basses of the file or folder at `path`; a folder of kits counts as many files."""
    if path.is_dir():
        folders = [path] if (path / DESCRIPTION).is_file() else _kits_in(path)
        return [((Sound(folder, DRUM_BANK, 0),), ()) for folder in folders]
    font: SoundFont = read_soundfont(path)
    kits = sorted(place for place in font.presets if place[0] == DRUM_BANK) or sorted(font.presets)
    basses = [(0, program) for program in _BASSES if (0, program) in font.presets and kits[0][0] == DRUM_BANK]
    return [
        (
            tuple(Sound(path, bank, program) for bank, program in kits),
            tuple(Sound(path, bank, program) for bank, program in basses),
        )
    ]


def _kits_in(path: Path) -> list[Path]:
    """Folders in `path` that hold a kit which can play a song."""
    folders = []
    for folder in sorted(path.iterdir()):
        if (folder / DESCRIPTION).is_file():
            try:
                describe_drumkit(folder)
            except ValueError:
                continue  # percussion alone
            folders.append(folder)
    if not folders:
        raise ValueError(f"{path} has no drum kit of Hydrogen in it: correct composed.soundfonts")
    return folders
