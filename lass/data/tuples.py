"""Random tuples of training sources with the code of their mixture: what step 2 of the method counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lass.compute.seeds import generator
from lass.data.audio.tracks import AudioLibrary, open_tracks
from lass.data.images.choices import distinct_rows
from lass.data.images.library import ImageLibrary, open_images
from lass.data.mixtures import mix
from lass.data.settings import (
    AudioLibrarySettings,
    ImageLibrarySettings,
    LibrarySettings,
    Mixing,
    TupleGroup,
)
from lass.tokens import read_tokens, sequences, without_copies


class Stream(Protocol):
    """Groups of random tuples. A group depends on its number and the seed alone, whoever draws it."""

    @property
    def group_size(self) -> int:
        """Tuples per group."""

    def group(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the sources [N, B, S] and of their mixtures [B, S] of group `number`."""


@dataclass(frozen=True)
class Encoder:
    """What a stream has to know of a codec."""

    encode: Callable[[np.ndarray], np.ndarray]  # data [B, T] float32 -> codes [B, S]
    hop: int  # samples per token; of no use for images
    margin: int  # tokens at either end of a chunk that see its edge; of no use for images
    codebook: str  # identity of the codebook


class TokenCodec(Protocol):
    """What encoding mixtures asks of a codec."""

    @property
    def device(self) -> torch.device:
        """Where the codec is."""

    @property
    def hop(self) -> int:
        """Samples per token; of no use for images."""

    @property
    def margin(self) -> int:
        """Tokens at either end of a chunk that see its edge; of no use for images."""

    @property
    def identity(self) -> str:
        """What tells its codebook from every other."""

    def encode(self, data: Tensor) -> Tensor:
        """Codes [B, S] of data points [B, T]."""


def encoder_of(codec: TokenCodec) -> Encoder:
    """The codec as a stream knows it."""

    @torch.inference_mode()
    def encode(data: np.ndarray) -> np.ndarray:
        return np.asarray(codec.encode(torch.from_numpy(data).to(codec.device)).cpu().numpy())

    return Encoder(encode, hop=codec.hop, margin=codec.margin, codebook=codec.identity)


def open_stream(
    sources: Path,
    tokens: Sequence[Path],
    data: LibrarySettings,
    *,
    encoder: Encoder,
    mixing: Mixing,
    group: TupleGroup,
    seed: int,
) -> Stream:
    """Random tuples of the sources in the folder `sources`, whose codes are in the tables `tokens`.

    ValueError where the tables are of another codebook or of other sources.
    """
    table = read_tokens(tokens, codebook=encoder.codebook)
    weights = np.asarray(mixing.weights, dtype=np.float32)
    match data:
        case AudioLibrarySettings():
            if group.tokens is None:
                raise ValueError(
                    f"{sources}: tuples of audio need the tokens per mixture (likelihood.tokens)"
                )
            classes = mixing.sources or data.classes
            return TupleStream(
                open_tracks(sources, data),
                {name: sequences(table, source=name) for name in classes},
                encoder,
                sources=classes,
                weights=weights,
                tokens=group.tokens,
                mixtures=group.mixtures,
                seed=seed,
            )
        case ImageLibrarySettings():
            library, table = open_images(sources, data), without_copies(table)
            codes = codes_of_images([sequences(table, source=name) for name in data.classes], library)
            return ImageTupleStream(
                library, codes, encoder.encode, weights=weights, mixtures=group.mixtures, seed=seed
            )


@dataclass(frozen=True)
class TupleStream:
    """Groups of mixtures of randomly chosen places of recordings.

    The sources' codes are taken from the token tables; only the mixtures are encoded. Every group depends on
    (seed, group) alone, so that any division of the groups among jobs gives the same tuples.
    """

    library: AudioLibrary
    codes: Mapping[str, Mapping[str, np.ndarray]]  # class -> recording -> codes [S_recording]
    encoder: Encoder
    sources: Sequence[str]  # class of every source, N; they may repeat
    weights: np.ndarray  # alpha [N]
    tokens: int  # tokens per mixture that are counted, between the encoder's margins
    mixtures: int  # mixtures per group
    seed: int

    def __post_init__(self) -> None:
        """One weight per source."""
        if len(self.sources) != len(self.weights):
            raise ValueError(
                f"{len(self.weights)} weights for the sources {', '.join(self.sources)}: give one for each"
            )

    @property
    def group_size(self) -> int:
        """Tuples per group."""
        return self.mixtures * self.tokens

    def group(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the sources [N, B, tokens] and of their mixtures [B, tokens] of group `number`."""
        rng = generator(self.seed, "tuples", number)
        audio = np.empty((self.mixtures, self.length * self.encoder.hop), dtype=np.float32)
        codes = np.empty((len(self.sources), self.mixtures, self.tokens), dtype=np.int64)
        for item in range(self.mixtures):
            parts = [self.place(rng, name) for name in self.sources]
            audio[item] = mix(np.stack([part for part, _ in parts]), self.weights)
            codes[:, item] = [counted for _, counted in parts]
        return codes, self.encoder.encode(audio)[:, self.inner]

    @property
    def length(self) -> int:
        """Tokens of a mixture, margins included."""
        return self.tokens + 2 * self.encoder.margin

    @property
    def inner(self) -> slice:
        """The tokens that are counted."""
        return slice(self.encoder.margin, self.encoder.margin + self.tokens)

    @cached_property
    def long_enough(self) -> dict[str, list[tuple[str, np.ndarray]]]:
        """Of each class: the recordings that hold a mixture, with their codes."""
        return {
            name: [(item, row) for item, row in rows.items() if len(row) >= self.length]
            for name, rows in self.codes.items()
        }

    def place(self, rng: np.random.Generator, source_class: str) -> tuple[np.ndarray, np.ndarray]:
        """Audio [T] and counted codes [tokens] of a class at a random place."""
        recordings = self.long_enough[source_class]
        if not recordings:
            lengths = {name: len(row) for name, row in self.codes[source_class].items()}
            longest = max(lengths, key=lengths.__getitem__, default="none")
            raise ValueError(
                f"{self.library.folder}: no recording has {self.length} tokens of class {source_class!r} "
                f"(likelihood.tokens is {self.tokens}, and the encoder hears {self.encoder.margin} more on "
                f"either side); the longest, {longest}, has {lengths.get(longest, 0)}: lower "
                "likelihood.tokens or add longer recordings"
            )
        item, row = recordings[int(rng.integers(len(recordings)))]
        start = int(rng.integers(len(row) - self.length + 1))
        hop = self.encoder.hop
        audio = self.library.read(item, source_class, start * hop, self.length * hop)
        return audio, row[start : start + self.length][self.inner]


@dataclass(frozen=True, eq=False)
class ImageTupleStream:
    """Groups of mixtures of randomly chosen images; the counterpart of TupleStream.

    The N images of a mixture are different ones, of whatever class. Only the mixtures are encoded.
    """

    library: ImageLibrary
    codes: np.ndarray  # of every image of the library in its order [n, S]
    encode: Callable[[np.ndarray], np.ndarray]  # mixtures [B, T] -> codes [B, S]
    weights: np.ndarray  # alpha [N]
    mixtures: int  # mixtures per group
    seed: int

    def __post_init__(self) -> None:
        """Refuse codes of other images."""
        if self.codes.ndim != 2 or len(self.codes) != len(self.library):
            raise ValueError(
                f"codes of shape {self.codes.shape} for {len(self.library)} images: tokenize the split again"
            )

    @property
    def group_size(self) -> int:
        """Tuples per group."""
        return self.mixtures * int(self.codes.shape[1])

    def group(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the sources [N, B, S] and of their mixtures [B, S] of group `number`."""
        rng = generator(self.seed, "tuples", number)
        rows = distinct_rows(rng, images=len(self.library), count=self.mixtures, sources=len(self.weights))
        images = self.library.read_rows(rows.ravel()).reshape(*rows.shape, -1)  # [B, N, T]
        sources = self.codes[rows.T].astype(np.int64)  # [N, B, S]
        return sources, self.encode(mix(images, self.weights))


def codes_of_images(sequences: Sequence[Mapping[str, np.ndarray]], library: ImageLibrary) -> np.ndarray:
    """Codes [n, S] in the order of the library, from those of each class by track.

    The track of an image is its row with six digits. ValueError where these are not the library's images.
    """
    rows = [np.array([int(name) for name in tracks], dtype=np.int64) for tracks in sequences]
    expected = [library.rows_of(index) for index in range(len(library.classes))]
    if len(rows) != len(expected) or any(
        not np.array_equal(np.sort(found), wanted) for found, wanted in zip(rows, expected, strict=True)
    ):
        raise ValueError(
            f"codes of {sum(map(len, rows))} images in {len(rows)} classes are not those of the "
            f"{len(library)} images in {len(expected)} classes: tokenize the split again"
        )
    codes = np.stack([row for tracks in sequences for row in tracks.values()])
    return np.asarray(codes[np.argsort(np.concatenate(rows))])
