"""Random tuples of training sources with the code of their mixture: what step 2 of the method counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lass.data.audio.tracks import SourceLibrary
from lass.data.images.library import ImageLibrary
from lass.data.mixtures import mix
from lass.data.pairs import distinct_rows, mix_images


@dataclass(frozen=True)
class TupleStream:
    """Groups of mixtures of randomly chosen places of the sources' tracks.

    The sources' codes are taken from the token tables; only the mixtures are encoded. Every group depends on
    (seed, group) alone, so that any division of the groups among jobs gives the same tuples.
    """

    library: SourceLibrary
    codes: Sequence[Mapping[str, np.ndarray]]  # per class: track -> codes [S_track]
    encode: Callable[[np.ndarray], np.ndarray]  # mixtures [B, T] -> codes [B, T / hop]
    weights: np.ndarray  # alpha [N]
    hop: int  # samples per token
    tokens: int  # tokens per mixture that are counted
    margin: int  # further tokens at either end that see the edge of the chunk and are not
    mixtures: int  # mixtures per group
    seed: int

    @property
    def group_size(self) -> int:
        """Tuples per group."""
        return self.mixtures * self.tokens

    def group(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the sources [N, B, tokens] and of their mixtures [B, tokens] of group `number`."""
        rng = np.random.default_rng((self.seed, number))
        audio = np.empty((self.mixtures, self.length * self.hop), dtype=np.float32)
        sources = np.empty((len(self.codes), self.mixtures, self.tokens), dtype=np.int64)
        for item in range(self.mixtures):
            parts = [self.place(rng, source) for source in range(len(self.codes))]
            audio[item] = mix(np.stack([part for part, _ in parts]), self.weights)
            sources[:, item] = [codes for _, codes in parts]
        return sources, self.encode(audio)[:, self.inner]

    @property
    def length(self) -> int:
        """Tokens of a mixture, margins included."""
        return self.tokens + 2 * self.margin

    @property
    def inner(self) -> slice:
        """The tokens that are counted."""
        return slice(self.margin, self.margin + self.tokens)

    def place(self, rng: np.random.Generator, source: int) -> tuple[np.ndarray, np.ndarray]:
        """Audio [T] and counted codes [tokens] of source class `source` at a random place."""
        tracks = {name: row for name, row in self.codes[source].items() if len(row) >= self.length}
        if not tracks:
            raise ValueError(
                f"{self.library.folder}: no track has {self.length} tokens of class "
                f"{self.library.classes[source]!r}; lower likelihood.tokens or add longer tracks"
            )
        name = list(tracks)[int(rng.integers(len(tracks)))]
        start = int(rng.integers(len(tracks[name]) - self.length + 1))
        audio = self.library.read(name, start=start * self.hop, frames=self.length * self.hop)[source]
        return audio, tracks[name][start : start + self.length][self.inner]


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
        rng = np.random.default_rng((self.seed, number))
        rows = distinct_rows(rng, images=len(self.library), count=self.mixtures, sources=len(self.weights))
        images = self.library.read(rows.ravel()).reshape(*rows.shape, -1)  # [B, N, T]
        sources = self.codes[rows.T].astype(np.int64)  # [N, B, S]
        return sources, self.encode(mix_images(images, self.weights))


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
