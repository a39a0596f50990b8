"""Mixtures: chunks in which no source is silent, `y = sum_n alpha_n x_n`, chosen once and kept as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lass.data.audio.tracks import SourceLibrary
from lass.storage import written_aside

SCHEMA = pa.schema(
    {
        "mixture": pa.int32(),  # index within the split
        "track": pa.string(),
        "offset": pa.int64(),  # samples from the start of the track
        "frames": pa.int64(),  # T
        "sources": pa.list_(pa.string()),  # class names, N
        "weights": pa.list_(pa.float64()),  # alpha, N
    },
    metadata={"format": "lass-mixtures", "version": "1"},
)


@dataclass(frozen=True)
class Chunk:
    """One row of the table, with its audio."""

    mixture: int
    sources: np.ndarray  # x_n [N, T] float32
    weights: np.ndarray  # alpha [N] float32

    @property
    def audio(self) -> np.ndarray:
        """Y [T] float32."""
        return mix(self.sources, self.weights)


def mix(sources: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`sum_n alpha_n x_n`: sources [N, T], weights [N] -> [T] float32."""
    return np.asarray(weights, dtype=np.float32) @ np.asarray(sources, dtype=np.float32)


def is_silent(audio: np.ndarray, threshold: float) -> np.ndarray:
    """Which sources [N] of `audio` [N, T] are silent by the paper's rule `||x||_2 / T < threshold`."""
    norms = np.linalg.norm(audio.astype(np.float64), axis=-1)
    return np.asarray(norms / audio.shape[-1] < threshold)


def draw_mixtures(
    library: SourceLibrary,
    *,
    frames: int,
    count: int | None,
    weights: Sequence[float],
    silence: float,
    seed: int,
) -> pa.Table:
    """Choose `count` mixtures of `frames` samples, evenly over the tracks; None takes all without silence.

    Chunks start at multiples of `frames`, so none overlap. The choice depends on library and arguments alone.
    Raises ValueError where the split has fewer chunks than asked for.
    """
    ranked: list[tuple[int, str, int]] = []  # (rank within the track, track, offset)
    for index, track in enumerate(library.tracks):
        audio = library.read(track)
        offsets = [
            start
            for start in range(0, audio.shape[1] - frames + 1, frames)
            if not is_silent(audio[:, start : start + frames], silence).any()
        ]
        order = np.random.default_rng((seed, index)).permutation(len(offsets))
        ranked += [(rank, track, offsets[place]) for rank, place in enumerate(order)]
    wanted = len(ranked) if count is None else count
    if len(ranked) < max(1, wanted):
        raise ValueError(
            f"{library.folder}: {len(ranked)} chunks of {frames / library.rate:g} s without silence, "
            f"but {max(1, wanted)} are needed: lower mixtures.count, shorten mixtures.seconds or add tracks"
        )
    chosen = sorted((track, offset) for _, track, offset in sorted(ranked)[:wanted])
    rows = [
        {
            "mixture": number,
            "track": track,
            "offset": offset,
            "frames": frames,
            "sources": list(library.classes),
            "weights": [float(weight) for weight in weights],
        }
        for number, (track, offset) in enumerate(chosen)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write_mixtures(path: Path, table: pa.Table) -> None:
    """Write the table aside and rename it."""
    with written_aside(path) as aside:
        pq.write_table(table, aside)


def read_mixtures(path: Path) -> pa.Table:
    """The table at `path`; ValueError where it is none of ours."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such mixture table; run the rule that makes it")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{path}: truncated or not a Parquet file ({error}); delete it and make it again"
        ) from error
    if table.schema.metadata != SCHEMA.metadata or not table.schema.equals(SCHEMA):
        raise ValueError(
            f"{path}: columns {table.column_names} are no mixture table of version 1; make it again"
        )
    return table


def load_chunk(library: SourceLibrary, table: pa.Table, row: int) -> Chunk:
    """Audio of row `row` of a mixture table."""
    values = {name: table[name][row].as_py() for name in table.column_names}
    if tuple(values["sources"]) != library.classes:
        raise ValueError(
            f"{library.folder}: classes {library.classes}, but the mixtures name {values['sources']}"
        )
    sources = library.read(values["track"], start=values["offset"], frames=values["frames"])
    return Chunk(values["mixture"], sources, np.array(values["weights"], dtype=np.float32))
