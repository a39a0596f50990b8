"""Token tables: what is written is read, shards of any size join, and foreign codes are refused."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lass.settings import Computed
from lass.tokens import (
    codebook_of,
    computed_candidates,
    read_candidates,
    read_tokens,
    sequences,
    without_copies,
    write_candidates,
    write_tokens,
)

CPU = Computed(precision="float32", device="CPU")
Rows = list[tuple[str, str, list[int]]]
SONGS: Rows = [
    ("one", "drums", [1, 2, 3]),
    ("one", "bass", [4, 5, 6]),
    ("two", "drums", [7, 8]),
    ("two", "bass", [0, 9]),
]


def write(path: Path, rows: Rows, *, codebook: str = "abc", codebook_size: int = 10) -> Path:
    write_tokens(
        path,
        {"track": [row[0] for row in rows], "source": [row[1] for row in rows]},
        [np.array(row[2], dtype=np.int64) for row in rows],
        codebook=codebook,
        codebook_size=codebook_size,
    )
    return path


def as_lists(found: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: codes.tolist() for name, codes in found.items()}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    table = read_tokens([write(tmp_path / "a.parquet", SONGS)])
    assert table.column_names == ["track", "source", "codes"]
    assert codebook_of(table) == ("abc", 10)
    assert as_lists(sequences(table, source="drums")) == {"one": [1, 2, 3], "two": [7, 8]}
    assert as_lists(sequences(table, source="bass")) == {"one": [4, 5, 6], "two": [0, 9]}
    assert all(codes.dtype == np.int64 for codes in sequences(table, source="bass").values())
    assert sequences(table, source="piano") == {}


def test_shards_join_however_the_songs_are_split(tmp_path: Path) -> None:
    """Also where there are more shards than songs: some of them are empty, the first one too."""
    whole = read_tokens([write(tmp_path / "whole.parquet", SONGS)])
    for name, cuts in (("two", [0, 2, 4]), ("empty", [0, 0, 2, 2, 4, 4])):
        parts = [SONGS[first:last] for first, last in pairwise(cuts)]
        paths = [write(tmp_path / f"{name}{index}.parquet", part) for index, part in enumerate(parts)]
        table = read_tokens(paths)
        assert table.to_pylist() == whole.to_pylist()
        assert codebook_of(table) == ("abc", 10)
        for source in ("drums", "bass"):
            assert as_lists(sequences(table, source=source)) == as_lists(sequences(whole, source=source))


def test_nothing_but_empty_shards(tmp_path: Path) -> None:
    table = read_tokens([write(tmp_path / "a.parquet", []), write(tmp_path / "b.parquet", [])])
    assert len(table) == 0
    assert sequences(table, source="drums") == {}


@pytest.mark.parametrize(
    ("size", "kind"), [(10, pa.uint16()), (1 << 16, pa.uint16()), ((1 << 16) + 1, pa.uint32())]
)
def test_codes_up_to_the_largest(tmp_path: Path, size: int, kind: pa.DataType) -> None:
    rows: Rows = [("one", "drums", [0, size - 1])]
    table = read_tokens([write(tmp_path / "a.parquet", rows, codebook_size=size)])
    assert table.schema.field("codes").type.value_type == kind
    assert sequences(table, source="drums")["one"].tolist() == [0, size - 1]


def test_equal_tables_have_equal_bytes(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, SONGS) for name in ("a.parquet", "b.parquet"))
    assert first.read_bytes() == second.read_bytes()


# --- what is refused ---


@pytest.mark.parametrize("code", [-1, 10])
def test_a_code_outside_the_codebook_is_not_written(tmp_path: Path, code: int) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(ValueError, match=r"a\.parquet: codes from .* do not fit a codebook of 10"):
        write(path, [("one", "drums", [3, code])])
    assert not list(tmp_path.iterdir())


def test_another_codebook(tmp_path: Path) -> None:
    first = write(tmp_path / "a.parquet", SONGS)
    second = write(tmp_path / "b.parquet", SONGS, codebook="xyz")
    assert len(read_tokens([second], codebook="xyz")) == 4
    with pytest.raises(ValueError, match=r"a\.parquet: codes of codebook abc, but xyz is needed"):
        read_tokens([first], codebook="xyz")
    with pytest.raises(ValueError, match=r"b\.parquet: codes of codebook xyz, but abc is needed"):
        read_tokens([first, second])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_shard(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.parquet", SONGS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"a\.parquet: truncated or not a Parquet file"):
        read_tokens([path])


def test_a_missing_shard(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.parquet: no such token file"):
        read_tokens([tmp_path / "nowhere.parquet"])


def test_no_shard_at_all() -> None:
    with pytest.raises(ValueError, match="no token files given"):
        read_tokens([])


@pytest.mark.parametrize("header", [{}, {"format": "lass-tokens", "version": "2", "codebook": "abc"}])
def test_a_table_of_another_make(tmp_path: Path, header: dict[str, str]) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"codes": [[1]]}).replace_schema_metadata(header), path)
    with pytest.raises(ValueError, match=r"a\.parquet: not a 'lass-tokens' file of version '1'"):
        read_tokens([path])


@pytest.mark.parametrize("missing", ["codebook", "codebook_size", "codes"])
def test_a_table_that_lacks_a_part(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "a.parquet"
    header = {"format": "lass-tokens", "version": "1", "codebook": "abc", "codebook_size": "10"}
    header.pop(missing, None)
    columns = {"other" if missing == "codes" else "codes": [[1]]}
    pq.write_table(pa.table(columns).replace_schema_metadata(header), path)
    with pytest.raises(ValueError, match=rf"a\.parquet: lacks .*{missing}"):
        read_tokens([path])


def test_the_order_of_the_shards_makes_no_difference(tmp_path: Path) -> None:
    for name, tracks in (("one", ["a", "c"]), ("two", ["b"])):
        write_tokens(
            tmp_path / name,
            {"track": tracks, "source": ["bass"] * len(tracks)},
            [np.array([ord(track) - 97]) for track in tracks],
            codebook="abc",
            codebook_size=4,
        )
    for order in (["one", "two"], ["two", "one"]):
        table = read_tokens([tmp_path / name for name in order])
        found = sequences(table, source="bass")
        assert list(found) == ["a", "b", "c"]
        assert [row.tolist() for row in found.values()] == [[0], [1], [2]]


# --- images and the candidates of their separation ---


def test_copies_of_images_are_left_out(tmp_path: Path) -> None:
    rows: Rows = [
        ("000000", "cat", [1]),
        ("000000/1", "cat", [2]),
        ("000001", "dog", [3]),
        ("000001/1", "dog", [4]),
    ]
    table = read_tokens([write(tmp_path / "a.parquet", rows)])
    assert without_copies(table)["track"].to_pylist() == ["000000", "000001"]
    assert codebook_of(without_copies(table)) == ("abc", 10)
    assert list(sequences(table, source="cat")) == ["000000", "000000/1"]


@dataclass
class Candidates:
    """What `write_candidates` asks for."""

    codes: torch.Tensor  # [M, N, S]
    log_posterior: torch.Tensor  # [M]
    remix_distance: torch.Tensor  # [M]
    uncounted: int
    offsets: torch.Tensor  # [M]


def candidates(seed: int, *, kept: int, sources: int = 2) -> Candidates:
    generator = torch.Generator().manual_seed(seed)
    return Candidates(
        torch.randint(10, (kept, sources, 5), generator=generator),
        -torch.rand(kept, generator=generator, dtype=torch.float64),
        torch.rand(kept, generator=generator),
        seed,
        torch.arange(kept) % 3,
    )


def test_candidates_come_back_as_they_were(tmp_path: Path) -> None:
    """Also where mixtures keep different numbers, and a shard is empty."""
    written = {7: candidates(1, kept=3), 2: candidates(2, kept=1), 11: candidates(3, kept=12)}
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet", "none.parquet")]
    for path, items in zip(paths, ([7, 11], [2], []), strict=True):
        results = [(item, written[item]) for item in items]
        write_candidates(path, results, codebook="abc", codebook_size=10, computed=CPU)
    found = read_candidates([paths[2], *paths[:2]], codebook="abc")
    assert list(found) == [2, 7, 11]
    for item, expected in written.items():
        for name in ("codes", "log_posterior", "remix_distance", "offsets"):
            stored = found[item][name]
            np.testing.assert_array_equal(stored, getattr(expected, name).numpy())
        assert found[item]["uncounted"] == expected.uncounted
    assert found[7]["codes"].dtype == np.int64
    assert read_candidates(paths[2:]) == {}


def test_candidates_say_how_they_were_computed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    gpu = Computed(precision="bfloat16", device='a "GPU"')
    write_candidates(path, [(0, candidates(1, kept=2))], codebook="abc", codebook_size=10, computed=gpu)
    assert computed_candidates(path) == gpu
    with pytest.raises(ValueError, match=r"b\.parquet: does not say how .*draw the candidates"):
        computed_candidates(write(tmp_path / "b.parquet", SONGS))


def test_candidates_that_do_not_say_where_frames_begin(tmp_path: Path) -> None:
    """Files of versions before there were offsets."""
    path = tmp_path / "a.parquet"
    write_candidates(path, [(0, candidates(1, kept=2))], codebook="abc", codebook_size=10, computed=CPU)
    pq.write_table(pq.read_table(path).drop_columns("offset"), path)
    with pytest.raises(
        ValueError, match=r"a\.parquet: .*lacks the columns \['offset'\]; draw the candidates"
    ):
        read_candidates([path])


def test_candidates_of_another_codebook_or_without_a_source(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_candidates(path, [(0, candidates(1, kept=2))], codebook="abc", codebook_size=10, computed=CPU)
    with pytest.raises(ValueError, match=r"a\.parquet: codes of codebook abc, but other is needed"):
        read_candidates([path], codebook="other")
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 3), path)
    with pytest.raises(ValueError, match="candidates of mixture 0: sources are missing"):
        read_candidates([path])
