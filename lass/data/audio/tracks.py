"""The sources of a split at the model's rate: one file per recording, one channel per class that it has."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import soundfile
from pydantic import ValidationError

from lass.data.audio.choices import choose_apart, choose_moments, sounding_starts
from lass.data.audio.files import read_audio
from lass.data.encoding import Encodable
from lass.data.settings import AudioLibrarySettings, Augmentation, MixtureDraw
from lass.data.shards import shard_of
from lass.data.table import Place, mixture_table
from lass.settings import Section

INDEX = "index.json"  # what the folder of a split says about its files
logger = logging.getLogger(__name__)
_REMEDY = "delete the folder and extract anew"


class Entry(Section):
    """One recording of the index."""

    classes: tuple[str, ...]  # in the order of the channels
    frames: int
    sha256: str  # of the samples, float32 [N, T]


class Index(Section):
    """What extraction wrote: nothing else is in the folder."""

    format: Literal["lass.sources"]
    version: Literal[1]
    rate: int  # Hz
    classes: tuple[str, ...]  # of the data set, in order
    items: dict[str, Entry]


@dataclass(frozen=True)
class AudioLibrary:
    """Recordings of one split, read on demand: nothing is held in memory but what the index says."""

    folder: Path
    rate: int  # Hz
    classes: tuple[str, ...]  # of the data set, in order
    entries: dict[str, Entry]
    _places: dict[tuple[str, int], tuple[list[str], np.ndarray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def items(self) -> Sequence[str]:
        """Names of the recordings, in order."""
        return list(self.entries)

    @property
    def bounds(self) -> tuple[float, float]:
        """Samples have none."""
        return (-np.inf, np.inf)

    @property
    def digest(self) -> str:
        """Hash of rate, classes, names and of all samples, as the index holds it."""
        held = Index(
            format="lass.sources",
            version=1,
            rate=self.rate,
            classes=self.classes,
            items=dict(sorted(self.entries.items())),
        )
        return hashlib.sha256(held.model_dump_json().encode()).hexdigest()[:16]

    def classes_of(self, item: str) -> tuple[str, ...]:
        """Classes of the channels of `item`; ValueError where there is no such recording."""
        return self._entry(item).classes

    def length_of(self, item: str) -> int:
        """Samples of `item`; ValueError where there is no such recording."""
        return self._entry(item).frames

    def read(self, item: str, source_class: str, start: int = 0, length: int | None = None) -> np.ndarray:
        """The source x [T] float32 of a class of `item`: `length` samples from `start`; None reads all."""
        source: np.ndarray = self.read_sources(item, (source_class,), start, length)[0]
        return source

    def read_sources(
        self, item: str, classes: Sequence[str], start: int = 0, length: int | None = None
    ) -> np.ndarray:
        """Sources [N, T] float32 of N classes of `item`, as `read` gives each."""
        held = self.classes_of(item)
        missing = [name for name in classes if name not in held]
        if missing:
            raise ValueError(
                f"{self.folder}: {item!r} is of class {', '.join(held)}, not {missing[0]!r}; ask for that"
            )
        audio = read_audio(path_of(self.folder, item), rate=self.rate, start=start, frames=length)
        return np.ascontiguousarray(audio[[held.index(name) for name in classes]])

    def crop(self, rng: np.random.Generator, length: int, source_class: str) -> np.ndarray:
        """The source [length] of a class at a random place: all places of all recordings are as likely."""
        names, chances = self._candidates(source_class, length)
        item = names[int(rng.choice(len(names), p=chances))]
        start = int(rng.integers(self.entries[item].frames - length + 1))
        return self.read(item, source_class, start, length)

    def unrelated(self, rng: np.random.Generator, length: int, sources: Sequence[str]) -> np.ndarray:
        """Sources [N, length] of the classes `sources`, each from a random place of its own."""
        return np.stack([self.crop(rng, length, name) for name in sources])

    def related(self, rng: np.random.Generator, length: int, sources: Sequence[str]) -> np.ndarray:
        """Sources [N, length] of the classes `sources` at one random moment of one recording.

        ValueError where no recording has them all.
        """
        names = sorted(set.intersection(*(set(self._candidates(name, length)[0]) for name in sources)))
        if not names:
            raise ValueError(
                f"{self.folder}: no recording has {', '.join(sources)} and {length} frames at once: mix "
                "unrelated places only (likelihood.network.related: 0)"
            )
        places = np.array([self.entries[name].frames - length + 1 for name in names], dtype=np.float64)
        item = names[int(rng.choice(len(names), p=places / places.sum()))]
        start = int(rng.integers(self.entries[item].frames - length + 1))
        return self.read_sources(item, sources, start, length)

    def draw(self, choice: MixtureDraw) -> pa.Table:
        """The table of mixtures of chunks without silence; `choice.sources` None means one of every class.

        Chunks start at multiples of the length, so none overlap. ValueError where there are too few.
        """
        sources = choice.mixing.sources or self.classes
        length, weights = choice.length, choice.mixing.weights
        if length is None:
            raise ValueError(f"{self.folder}: mixtures of audio need a length: give their samples")
        if len(sources) != len(weights):
            raise ValueError(f"{len(weights)} weights for {len(sources)} sources: give one for each")
        self._check_classes(sources)
        chosen = {"together": self._together, "apart": self._apart}[choice.pairing](choice, sources, length)
        return mixture_table(chosen, sources=[sources] * len(chosen), weights=weights, length=length)

    def encodable(
        self, shard: str, *, hop: int, augmentation: Augmentation | None, seed: int
    ) -> Iterator[Encodable]:
        """Every recording of the shard to its last whole token, all of its sources together."""
        del augmentation, seed  # of images
        for item in shard_of(self.items, shard):
            classes = self.classes_of(item)
            audio = self.read_sources(item, classes, length=self.length_of(item) // hop * hop)
            yield Encodable([item] * len(audio), list(classes), audio)

    def _together(self, choice: MixtureDraw, sources: Sequence[str], length: int) -> list[list[Place]]:
        """Moments of recordings that have all classes, evenly over the recordings."""
        if len(set(sources)) != len(sources):
            raise ValueError(
                f"a recording has one source of each class, not {', '.join(sources)}: pair `apart`"
            )
        items = [item for item, entry in self.entries.items() if set(sources) <= set(entry.classes)]
        starts = {item: self._sounding(item, sources, length, choice.silence) for item in items}
        chunks, needed = sum(map(len, starts.values())), choice.count or 1
        if chunks < needed:
            raise ValueError(
                f"{self.folder}: {chunks} chunks of {length / self.rate:g} s in which all sources sound, but "
                f"{needed} are needed: lower mixtures.count, shorten mixtures.seconds or add recordings"
                + self._describe_chunks(sources, length, choice.silence)
            )
        self._say_unused([item for item, places in starts.items() if not places], sources, length)
        return [
            [place] * len(sources) for place in choose_moments(starts, count=choice.count, seed=choice.seed)
        ]

    def _apart(self, choice: MixtureDraw, sources: Sequence[str], length: int) -> list[list[Place]]:
        """Places of different recordings; for None as many mixtures as there are places of each class."""
        places = {
            name: [
                Place(item, start)
                for item, entry in self.entries.items()
                if name in entry.classes
                for start in self._sounding(item, (name,), length, choice.silence)
            ]
            for name in dict.fromkeys(sources)
        }
        most = min(len(own) // list(sources).count(name) for name, own in places.items())
        count = choice.count or max(1, most)
        try:
            chosen = choose_apart(places, sources, count=count, seed=choice.seed)
        except ValueError as error:
            raise ValueError(
                f"{self.folder}: chunks of {length / self.rate:g} s: {error}"
                + self._describe_chunks(sources, length, choice.silence)
            ) from error
        for name, own in places.items():
            held = [item for item, entry in self.entries.items() if name in entry.classes]
            used = {place.item for place in own}
            self._say_unused([item for item in held if item not in used], [name], length)
        return chosen

    def _say_unused(self, items: Sequence[str], sources: Sequence[str], length: int) -> None:
        """Log which recordings give no chunk of these sources, and why."""
        short = [item for item in items if self.entries[item].frames < length]
        silent = [item for item in items if item not in short]
        seconds, what = f"{length / self.rate:g} s", " and ".join(dict.fromkeys(sources))
        for names, why in ((short, f"shorter than {seconds}"), (silent, f"no {seconds} with {what}")):
            if names:
                said = (len(names), len(self.entries), what, why, _first(names))
                logger.warning("%d of %d recordings are not used for %s: %s: %s", *said)

    def _describe_chunks(self, sources: Sequence[str], length: int, silence: float) -> str:
        """Which recordings are too short, and in how many chunks each class sounds; a line each."""
        short = [item for item, entry in self.entries.items() if entry.frames < length]
        lines = []
        if short:
            lengths = [f"{item} {self.length_of(item) / self.rate:.3g} s" for item in short]
            lines.append(
                f"{len(short)} of {len(self.entries)} recordings are shorter than {length / self.rate:g} s: "
                + _first(lengths)
            )
        for name in dict.fromkeys(sources):
            items = [item for item, entry in self.entries.items() if name in entry.classes]
            sounding = {item: len(self._sounding(item, (name,), length, silence)) for item in items}
            chunks = sum(self.length_of(item) // length for item in items)
            line = f"{name} sounds in {sum(sounding.values())} of {chunks} chunks"
            silent = [item for item in items if item not in short and not sounding[item]]
            lines.append(line + (f", in none of {_first(silent)}" if silent else ""))
        return "".join(f"\n  {line}" for line in lines)

    def _sounding(self, item: str, classes: Sequence[str], length: int, silence: float) -> list[int]:
        if self.entries[item].frames < length:
            return []
        return sounding_starts(self.read_sources(item, classes), length=length, threshold=silence)

    def _candidates(self, source_class: str, length: int) -> tuple[list[str], np.ndarray]:
        """The recordings of a class with `length` samples, and their chances in a draw of places."""
        key = (source_class, length)
        if key not in self._places:
            self._check_classes([source_class])
            names = [
                name
                for name, entry in self.entries.items()
                if entry.frames >= length and source_class in entry.classes
            ]
            if not names:
                own = [entry.frames for entry in self.entries.values() if source_class in entry.classes]
                longest = max(own, default=0)
                raise ValueError(
                    f"{self.folder}: no recording of {length} samples ({length / self.rate:.3g} s) of class "
                    f"{source_class!r}; the longest has {longest}: ask for less or add longer recordings"
                )
            places = np.array([self.entries[name].frames for name in names]) - length + 1.0
            self._places[key] = (names, places / places.sum())
        return self._places[key]

    def _check_classes(self, classes: Iterable[str]) -> None:
        unknown = [name for name in classes if name not in self.classes]
        if unknown:
            raise ValueError(
                f"{self.folder}: no class {unknown[0]!r}; the classes are {', '.join(self.classes)}"
            )

    def _entry(self, item: str) -> Entry:
        if item not in self.entries:
            raise ValueError(f"{self.folder}: no recording {item!r} among {len(self.entries)}")
        return self.entries[item]


def open_tracks(folder: Path, data: AudioLibrarySettings, *, shortest: int = 1) -> AudioLibrary:
    """The recordings in `folder`; those under `shortest` samples are passed over.

    FileNotFoundError or ValueError, naming the file, where the index or a file that it lists is missing,
    damaged or made for other settings, or no recording is long enough.
    """
    index = _read_index(folder / INDEX)
    for name, held, needed in (("rate", index.rate, data.rate), ("classes", index.classes, data.classes)):
        if held != needed:
            raise ValueError(
                f"{folder / INDEX}: made for {name} = {held}, but {name} = {needed} is needed: {_REMEDY}"
            )
    entries = {}
    for name, entry in index.items.items():
        _check_file(path_of(folder, name), entry, rate=index.rate)
        if entry.frames >= shortest:
            entries[name] = entry
    short = [
        f"{name} {entry.frames / index.rate:.3g} s"
        for name, entry in index.items.items()
        if entry.frames < shortest
    ]
    least = f"{shortest} samples ({shortest / index.rate:.3g} s at {index.rate} Hz)"
    if not entries:
        raise ValueError(
            f"{folder}: no recording of at least {least} among {len(short)} ({_first(short)}): give the "
            "split longer recordings, or ask for shorter ones"
        )
    if short:
        logger.warning("%s: %d recordings are under %s: %s", folder, len(short), least, _first(short))
    return AudioLibrary(folder, index.rate, index.classes, entries)


def _first(names: Sequence[str], most: int = 8) -> str:
    """The first of a list, for a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def path_of(folder: Path, item: str) -> Path:
    """The file of a recording in the folder of a split."""
    return folder / f"{item}.wav"


def _read_index(path: Path) -> Index:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no index of sources: {_REMEDY}")
    try:
        return Index.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: no index of sources of version 1 ({reason}): {_REMEDY}") from error


def _check_file(path: Path, entry: Entry, *, rate: int) -> None:
    """ValueError where the file at `path` is not as the index says."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: listed in {INDEX}, but not there: {_REMEDY}")
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or no audio file ({error}): {_REMEDY}") from error
    found = (info.channels, info.frames, info.samplerate)
    expected = (len(entry.classes), entry.frames, rate)
    if found != expected:
        raise ValueError(
            f"{path}: {found[0]} channels of {found[1]} samples at {found[2]} Hz, but {INDEX} says "
            f"{expected[0]} ({', '.join(entry.classes)}) of {expected[1]} at {expected[2]} Hz: {_REMEDY}"
        )
