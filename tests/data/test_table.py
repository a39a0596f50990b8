"""The table of mixtures: its columns, and files that are none."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lass.data.table import SCHEMA, Place, mixture_table, read_mixtures, write_mixtures


def make() -> pa.Table:
    places = [[Place("one", 3), Place("two/b", 0)], [Place("two/b", 5), Place("one", 1)]]
    sources = [["drums", "bass"], ["bass", "bass"]]
    return mixture_table(places, sources=sources, weights=[0.25, 0.75], length=4)


def test_columns() -> None:
    assert make().to_pydict() == {
        "mixture": [0, 1],
        "sources": [["drums", "bass"], ["bass", "bass"]],
        "items": [["one", "two/b"], ["two/b", "one"]],
        "starts": [[3, 0], [5, 1]],
        "weights": [[0.25, 0.75]] * 2,
        "length": [4, 4],
    }
    assert make().schema.equals(SCHEMA, check_metadata=True)
    assert SCHEMA.metadata == {b"format": b"lass-mixtures", b"version": b"2"}


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    with pytest.raises(FileNotFoundError, match=r"m\.parquet"):
        read_mixtures(path)
    write_mixtures(path, make())
    assert read_mixtures(path).equals(make())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"m\.parquet: truncated"):
        read_mixtures(path)
    pq.write_table(pa.table({"mixture": [1]}), path)
    with pytest.raises(ValueError, match=r"m\.parquet: columns \['mixture'\] are no mixture table"):
        read_mixtures(path)
    pq.write_table(make().replace_schema_metadata({"format": "lass-mixtures", "version": "1"}), path)
    with pytest.raises(ValueError, match="version 2; make it again"):
        read_mixtures(path)
