"""Recordings out of packages: brought to one level, joined where they are short, in a folder per class.

<folder>/<class>/<voice>/<number>.flac, the layout of `lass.data.audio.utterances`, and the licence of every
package as <folder>/copyright/<package>. Where a recording goes depends on its path in the package alone.
"""

import hashlib
import io
import logging
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import soundfile

from lass.data.audio.files import cancelling, resample, to_mono, unfit, write_audio
from lass.data.debian import read_members
from lass.data.package_settings import Packages, Selected, find_package
from lass.writing import written_aside

COPYRIGHT = "copyright"
_FRAME = 0.02  # seconds over which loudness is measured to find where a recording begins and ends
_SHARES = (("train", 0.8), ("validation", 0.9), ("test", 1.0))  # of files that are for no split in particular

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """One recording of a voice, without silence around it."""

    name: str  # package and path, which decide all that is drawn
    samples: np.ndarray  # float32 [T]


def write_packaged(
    folder: Path, packages: Packages, *, root: Path, split: str, rate: int
) -> dict[str, float]:
    """Write the recordings of a split at `rate` Hz to `folder`, from the packages in `root`.

    Returns the seconds of every class.

    Raises:
        FileNotFoundError: a package is not there.
        ValueError: a package or a recording is damaged, or files are named that it does not have.
    """
    chosen = packages.of_split(split)
    lengths, numbers = dict.fromkeys(chosen, 0), Counter[str]()
    for package in packages.names(split):
        own = {name: [each for each in some if each.package == package] for name, some in chosen.items()}
        held = _read(find_package(root, package), [each for some in own.values() for each in some])
        _write_licence(folder / COPYRIGHT / package, held.get(licence_of(package)))
        for name, selected in ((name, each) for name, some in own.items() for each in some):
            pieces = _prepared(selected, held, split, packages, rate=rate)
            for samples in joined(pieces, packages, rate=rate):
                home = folder / name / selected.voice
                home.mkdir(parents=True, exist_ok=True)
                numbers[str(home)] += 1
                write_audio(home / f"{numbers[str(home)]:05d}.flac", samples, rate=rate)
                lengths[name] += len(samples)
    empty = next((name for name, length in lengths.items() if not length), None)
    if empty is not None:
        raise ValueError(f"no recording of {empty!r} is for the split {split!r}: name more files for it")
    return {name: length / rate for name, length in lengths.items()}


def joined(pieces: Sequence[Piece], packages: Packages, *, rate: int) -> Iterator[np.ndarray]:
    """Recordings [T] of `packages.seconds` or longer, of pieces of one voice that follow each other.

    What is left at the end is joined to the last. Each has the level that the name of its first piece draws.
    """
    groups: list[list[Piece]] = [[]]
    for piece in pieces:
        if sum(len(each.samples) for each in groups[-1]) >= packages.seconds * rate:
            groups.append([])
        groups[-1].append(piece)
    if len(groups) > 1 and sum(len(each.samples) for each in groups[-1]) < packages.seconds * rate:
        rest = groups.pop()
        groups[-1].extend(rest)
    for group in groups:
        if not group:
            continue
        parts: list[np.ndarray] = []
        for piece in group:
            gap = np.zeros(round(_between(packages.gaps, piece.name) * rate), np.float32)
            parts += [gap, piece.samples] if parts else [piece.samples]
        yield levelled(np.concatenate(parts), decibels=_between(packages.levels, group[0].name))


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


def _read(package: Path, selections: Sequence[Selected]) -> dict[str, bytes]:
    """The bytes of all files of a package that are selected, and its licence; read once, as it is packed.

    Those in a zip are called as it is, a slash, and their path in it. ValueError where there is none of a
    selection.
    """
    name = package.name.partition("_")[0]
    own = [each for each in selections if each.zip is None]
    zips = {each.zip for each in selections} - {None}

    def wanted(path: str) -> bool:
        return path in zips or path == licence_of(name) or any(takes(each, path) for each in own)

    held = dict(read_members(package, wanted))
    for each in selections:
        if each.zip is not None and each.zip in held:
            held.update(_read_zip(package, held[each.zip], each))
        if not any(takes(each, path) for path in held):
            raise ValueError(
                f"{package} has no file like {', '.join(each.files)}"
                + (f" in {each.zip}" if each.zip else "")
                + f": correct the files of {each.voice!r}"
            )
    return held


def takes(selected: Selected, path: str) -> bool:
    """Whether a path of a package, or of a zip in it, is selected."""
    if selected.zip is not None:
        if not path.startswith(f"{selected.zip}/"):
            return False
        path = path.removeprefix(f"{selected.zip}/")
    taken = any(fnmatchcase(path, pattern) for pattern in selected.files)
    return taken and not any(fnmatchcase(path, pattern) for pattern in selected.leave_out)


def licence_of(package: str) -> str:
    """Where a package says under which licence its files are."""
    return f"usr/share/doc/{package}/copyright"


def _prepared(
    selected: Selected, held: Mapping[str, bytes], split: str, packages: Packages, *, rate: int
) -> list[Piece]:
    """The selected recordings of a split, at one level, in the order of their paths."""
    pieces = []
    for path in sorted(path for path in held if takes(selected, path)):
        name = f"{selected.package}/{path}"
        if selected.split is None and split != _split_of(name):
            continue
        samples = without_silence(_decode(name, held[path], rate=rate), rate=rate, quiet=packages.quiet)
        if len(samples) < round(_FRAME * rate):
            logger.info("left out %s, which is silent or shorter than %g s", name, _FRAME)
            continue
        pieces.append(Piece(name, levelled(samples, decibels=packages.levels[0])))
    return pieces


def _decode(name: str, data: bytes, *, rate: int) -> np.ndarray:
    """The samples [T] of a file at `rate` Hz; ValueError where it is no audio file or holds NaN."""
    try:
        audio, own_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"{name} is damaged or no audio file: name it in leave_out ({error})") from error
    if audio.size and (found := unfit(audio.T)) is not None:
        raise ValueError(f"{name} holds {found[0]}: name it in leave_out")
    if not audio.size:
        return np.zeros(0, np.float32)
    loudest = cancelling(audio.T)
    mono = to_mono(audio.T) if loudest is None else audio[:, loudest]
    return resample(mono, source_rate=own_rate, target_rate=rate)


def _read_zip(package: Path, data: bytes, selected: Selected) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as held:
            for member in held.infolist():
                path = f"{selected.zip}/{member.filename}"
                if not member.is_dir() and takes(selected, path):
                    yield path, held.read(member)
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise ValueError(f"{selected.zip} in {package} is no zip archive, or damaged ({error})") from error


def _write_licence(place: Path, text: bytes | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(place) as aside:
        aside.write_bytes(text or b"The package says nothing of its licence.\n")


def _split_of(name: str) -> str:
    drawn = _fraction(f"split of {name}")
    return next(split for split, share in _SHARES if drawn < share)


def _between(bounds: tuple[float, float], name: str) -> float:
    low, high = bounds
    return low + (high - low) * _fraction(name)


def _fraction(name: str) -> float:
    """A number in [0, 1) that a name decides."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:6]) / 2**48
