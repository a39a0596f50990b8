"""Mixtures: the silence rule by hand, an even and repeatable choice, tables that can be trusted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lass.data.audio.files import write_audio
from lass.data.audio.tracks import SourceLibrary, open_library
from lass.data.mixtures import (
    Chunk,
    draw_mixtures,
    is_silent,
    load_chunk,
    mix,
    read_mixtures,
    write_mixtures,
)

RATE, FRAMES = 8000, 100


def make_library(folder: Path, tracks: dict[str, str]) -> SourceLibrary:
    """Tracks from a letter per chunk of 100 samples: b both sources sound, d drums only, s silence."""
    rng = np.random.default_rng(0)
    for name, chunks in tracks.items():
        audio = rng.uniform(0.1, 0.5, (2, len(chunks) * FRAMES + 7)).astype(np.float32)
        for index, letter in enumerate(chunks):
            place = slice(index * FRAMES, (index + 1) * FRAMES)
            audio[1 if letter == "d" else slice(None), place] *= letter == "b"
        write_audio(folder / f"{name}.wav", audio, rate=RATE)
    return open_library(folder, rate=RATE, classes=["drums", "bass"])


def draw(library: SourceLibrary, *, count: int | None, seed: int = 0, silence: float = 1.5e-5) -> pa.Table:
    return draw_mixtures(library, frames=FRAMES, count=count, weights=[0.5, 0.5], silence=silence, seed=seed)


def places(table: pa.Table) -> list[tuple[str, int]]:
    return list(zip(table["track"].to_pylist(), table["offset"].to_pylist(), strict=True))


def test_mix_by_hand() -> None:
    sources = np.array([[1.0, 2.0], [10.0, 20.0]], dtype=np.float32)
    np.testing.assert_array_equal(mix(sources, np.array([0.5, 0.25])), [3.0, 6.0])
    chunk = Chunk(0, sources, np.array([0.5, 0.5], dtype=np.float32))
    np.testing.assert_array_equal(chunk.audio, [5.5, 11.0])
    assert chunk.audio.dtype == np.float32


def test_silence_by_hand() -> None:
    # norms 5, 0 and 2 over 4 samples: 1.25, 0 and 0.5
    audio = np.array([[3.0, 0.0, 0.0, 4.0], [0.0] * 4, [1.0] * 4], dtype=np.float32)
    np.testing.assert_array_equal(is_silent(audio, 0.5), [False, True, False])
    np.testing.assert_array_equal(is_silent(audio, 0.51), [False, True, True])
    np.testing.assert_array_equal(is_silent(audio, 0.0), [False, False, False])


def test_every_chunk_without_silence(tmp_path: Path) -> None:
    library = make_library(tmp_path, {"one": "bdbs", "two": "sb", "three": "ds"})
    table = draw(library, count=None)
    assert places(table) == [("one", 0), ("one", 200), ("two", 100)]
    assert table["mixture"].to_pylist() == [0, 1, 2]
    assert table["frames"].to_pylist() == [FRAMES] * 3
    assert table["sources"].to_pylist() == [["drums", "bass"]] * 3
    assert table["weights"].to_pylist() == [[0.5, 0.5]] * 3


def test_choice_is_even_over_the_tracks_and_repeatable(tmp_path: Path) -> None:
    library = make_library(tmp_path, {"long": "b" * 20, "short": "bbb", "tiny": "b"})
    chosen = places(draw(library, count=7))
    assert len(set(chosen)) == 7
    assert chosen == sorted(chosen)
    names = [name for name, _ in chosen]
    assert {name: names.count(name) for name in set(names)} == {"long": 3, "short": 3, "tiny": 1}
    assert places(draw(library, count=7)) == chosen
    others = [places(draw(library, count=7, seed=seed)) for seed in range(1, 5)]
    assert any(other != chosen for other in others)
    assert set(chosen) <= set(places(draw(library, count=12))), "more mixtures keep those there were"


def test_too_few_chunks(tmp_path: Path) -> None:
    library = make_library(tmp_path, {"one": "bdb", "two": "s"})
    with pytest.raises(ValueError, match=r"2 chunks of 0\.0125 s without silence, but 3 are needed"):
        draw(library, count=3)
    with pytest.raises(ValueError, match="0 chunks"):
        draw(library, count=None, silence=9.0)


def test_chunk_of_a_table(tmp_path: Path) -> None:
    library = make_library(tmp_path / "sources", {"one": "dbb"})
    write_mixtures(tmp_path / "m.parquet", draw(library, count=None))
    table = read_mixtures(tmp_path / "m.parquet")
    chunk = load_chunk(library, table, 1)
    assert chunk.mixture == 1
    np.testing.assert_array_equal(chunk.sources, library.read("one", start=200, frames=100))
    np.testing.assert_allclose(chunk.audio, chunk.sources.mean(axis=0), rtol=1e-6)
    other = open_library(tmp_path / "sources", rate=RATE, classes=["drums", "piano"])
    with pytest.raises(ValueError, match=r"piano.*but the mixtures name"):
        load_chunk(other, table, 0)


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    with pytest.raises(FileNotFoundError, match=r"m\.parquet"):
        read_mixtures(path)
    write_mixtures(path, draw(make_library(tmp_path / "sources", {"one": "bb"}), count=None))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"m\.parquet: truncated"):
        read_mixtures(path)
    pq.write_table(pa.table({"mixture": [1]}), path)
    with pytest.raises(ValueError, match=r"m\.parquet: columns \['mixture'\] are no mixture table"):
        read_mixtures(path)
