"""Random tuples of training sources with the code of their mixture: what step 2 of the method counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lass.data.mixtures import mix
from lass.data.sources import SourceLibrary


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
