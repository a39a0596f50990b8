"""Recordings out of packages: brought to one level, joined where they are short, in a folder per class.

<folder>/<class>/<voice>/<number>.flac, the layout of `lass.data.audio.utterances`, and the licence of every
package as <folder>/Licences/<package>. Level, pauses and split of a recording depend on its bytes alone.
"""

import hashlib
import io
import logging
import lzma
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path, PurePosixPath

import numpy as np
import soxr

from lass.data.audio.files import read_sound, write_audio
from lass.data.audio.recordings import mix_channels
from lass.data.debian import read_members
from lass.data.package_settings import Packages, Selected, find_package
from lass.writing import written_aside

LICENCES = "Licences"  # no class is called so: their names have no capitals
_FRAME = 0.02  # seconds over which loudness is measured to find where a recording begins and ends
_SHARES = (("train", 0.8), ("validation", 0.9), ("test", 1.0))  # of files that are for no split in particular

logger = logging.getLogger(__name__)

Held = Mapping[tuple[str | None, str], bytes]
"""By the zip that they are in, or None, and their path: files of a package."""


@dataclass(frozen=True)
class Piece:
    """One recording of a voice, without silence around it."""

    drawn: float  # in [0, 1): what its bytes draw
    samples: np.ndarray  # float32 [T]


def write_packaged(
    folder: Path, packages: Packages, *, root: Path, split: str, rate: int
) -> dict[str, float]:
    """Write the recordings of a split at `rate` Hz to `folder`, from the packages in `root`.

    Returns the seconds of every class.

    Raises:
        FileNotFoundError: a package is not there.
        ValueError: a package or a recording is damaged, or files are named that it does not have, or twice.
    """
    chosen = packages.of_split(split)
    lengths, numbers = dict.fromkeys(chosen, 0), Counter[Path]()
    for package in packages.names(split):
        everything = [each for some in packages.classes.values() for each in some if each.package == package]
        held = _read(find_package(root, package), everything)
        _write_licence(folder / LICENCES / package, held.get((None, licence_of(package))))
        for name, some in chosen.items():
            for selected in (each for each in some if each.package == package):
                pieces = _prepared(selected, held, split, packages, rate=rate)
                for samples in joined(pieces, packages, rate=rate):
                    home = folder / name / selected.voice
                    home.mkdir(parents=True, exist_ok=True)
                    numbers[home] += 1
                    write_audio(home / f"{numbers[home]:05d}.flac", samples, rate=rate)
                    lengths[name] += len(samples)
    empty = next((name for name, length in lengths.items() if not length), None)
    if empty is not None:
        raise ValueError(f"no recording of {empty!r} is for the split {split!r}: name more files for it")
    return {name: length / rate for name, length in lengths.items()}


def joined(pieces: Sequence[Piece], packages: Packages, *, rate: int) -> Iterator[np.ndarray]:
    """Recordings [T] of `packages.seconds` or longer, of pieces of one voice that follow each other.

    What is left at the end is joined to the last. Each has the level that its first piece draws.
    """
    groups: list[list[Piece]] = [[]]
    for piece in pieces:
        if sum(len(each.samples) for each in groups[-1]) >= packages.seconds * rate:
            groups.append([])
        groups[-1].append(piece)
    if len(groups) > 1 and sum(len(each.samples) for each in groups[-1]) < packages.seconds * rate:
        rest = groups.pop()
        groups[-1].extend(rest)
    for group in filter(None, groups):
        parts: list[np.ndarray] = []
        for piece in group:
            gap = np.zeros(round(_between(packages.gaps, piece.drawn) * rate), np.float32)
            parts += [gap, piece.samples] if parts else [piece.samples]
        yield levelled(np.concatenate(parts), decibels=_between(packages.levels, group[0].drawn))


def levelled(samples: np.ndarray, *, decibels: float) -> np.ndarray:
    """Samples [T] whose root of the mean square is `decibels` of full scale, or as near as fits below it."""
    gain = 10 ** (decibels / 20) / np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    return np.asarray(samples * min(gain, 1 / np.abs(samples).max()), dtype=np.float32)


def without_silence(samples: np.ndarray, *, rate: int, quiet: float) -> np.ndarray:
    """Samples [T] without what lies `quiet` dB below the loudest 20 ms, at both ends; none of silence."""
    size = max(1, round(_FRAME * rate))
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    powers = np.square(frames, dtype=np.float64).mean(axis=1)
    if not powers.any():
        return samples[:0]
    loud = np.flatnonzero(powers >= powers.max() * 10 ** (-quiet / 10))
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def takes(selected: Selected, zipped: str | None, path: str) -> bool:
    """Whether a path of a package, or of the zip `zipped` in it, is selected."""
    taken = selected.zip == zipped and any(fnmatchcase(path, pattern) for pattern in selected.files)
    return taken and not any(fnmatchcase(path, pattern) for pattern in selected.leave_out)


def licence_of(package: str) -> str:
    """Where a package says under which licence its files are."""
    return f"usr/share/doc/{package}/copyright"


def _read(package: Path, selections: Sequence[Selected]) -> Held:
    """All files of a package that are selected, and its licence; read once, as it is packed.

    ValueError where there is none of a selection, or one is of two.
    """
    name = package.name.partition("_")[0]
    zips = {each.zip for each in selections} - {None}

    def wanted(path: str) -> bool:
        known = path in zips or path == licence_of(name)
        return known or any(takes(each, None, path) for each in selections)

    held: dict[tuple[str | None, str], bytes] = {}
    for path, data in read_members(package, wanted):
        held[None, path] = data
    for zipped in sorted(filter(None, zips)):
        if (None, zipped) not in held:
            raise ValueError(f"{package} has no file {zipped}: correct zip")
        held.update(_read_zip(package, held[None, zipped], zipped, selections))
    for each in selections:
        if not any(takes(each, *place) for place in held):
            raise ValueError(
                f"{package} has no file like {', '.join(each.files)}: correct files of {each.voice!r}"
            )
    for place in held:
        voices = [each.voice for each in selections if takes(each, *place)]
        if len(voices) > 1:
            raise ValueError(
                f"{place[1]} of {package} is taken twice, by {voices[0]!r} and {voices[1]!r}: name it in "
                "leave_out of one"
            )
    return held


def _prepared(selected: Selected, held: Held, split: str, packages: Packages, *, rate: int) -> list[Piece]:
    """The selected recordings of a split, at one level, in the order of their paths."""
    pieces = []
    with tempfile.TemporaryDirectory() as scratch:
        for place in sorted(place for place in held if takes(selected, *place)):
            drawn = _draw(held[place], "split")
            own = next(name for name, share in _SHARES if drawn < share)
            if (selected.split or own) != split:
                continue
            samples = _decode(place[1], held[place], rate=rate, scratch=Path(scratch))
            samples = without_silence(samples, rate=rate, quiet=packages.quiet)
            if len(samples) < round(_FRAME * rate):
                logger.info("left out %s, which is silent or shorter than %g s", place[1], _FRAME)
                continue
            level = levelled(samples, decibels=packages.levels[0])
            pieces.append(Piece(_draw(held[place], "level and gap"), level))
    return pieces


def _decode(path: str, data: bytes, *, rate: int, scratch: Path) -> np.ndarray:
    """The samples [T] of a file at `rate` Hz; ValueError where it is damaged, or no audio file."""
    written = scratch / f"recording{PurePosixPath(path).suffix}"
    written.write_bytes(data)
    try:
        sound = read_sound(written)
        mono = mix_channels(Path(path), sound.samples)
    except ValueError as error:
        said = str(error).replace(str(written), path)
        raise ValueError(f"{said}; or name it in leave_out, as {escape(path)!r}") from error
    finally:
        written.unlink()
    return np.asarray(soxr.resample(mono, sound.rate, rate, quality="VHQ"), dtype=np.float32)


def _read_zip(
    package: Path, data: bytes, zipped: str, selections: Sequence[Selected]
) -> Iterator[tuple[tuple[str, str], bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as held:
            for member in held.infolist():
                path = member.filename
                if not member.is_dir() and any(takes(each, zipped, path) for each in selections):
                    yield (zipped, path), held.read(member)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{zipped} in {package} is no zip archive, or damaged ({error}): correct zip, or fetch it anew"
        ) from error


def _write_licence(place: Path, text: bytes | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(place) as aside:
        aside.write_bytes(text or b"Not in this package: see its page at packages.debian.org.\n")


def _between(bounds: tuple[float, float], drawn: float) -> float:
    low, high = bounds
    return low + (high - low) * drawn


def _draw(data: bytes, purpose: str) -> float:
    """A number in [0, 1) that bytes decide, another one for each purpose."""
    return int.from_bytes(hashlib.sha256(purpose.encode() + data).digest()[:6]) / 2**48
