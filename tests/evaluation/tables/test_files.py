"""CSV files give back what was written; columns, errors and text by hand."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lass.evaluation.tables.files import align_text, floats, read_csv, standard_error, write_csv


def test_round_trip_keeps_every_value(tmp_path: Path) -> None:
    table = pa.table({"method": ["a, b", "c"], "value": [0.1, None], "n": [1, 2]})
    path = tmp_path / "new" / "table.csv"
    write_csv(table, path=path)
    assert path.read_text() == 'method,value,n\n"a, b",0.1,1\nc,,2\n'
    assert read_csv(path).to_pylist() == table.to_pylist()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_an_absent_or_broken_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="snakemake --cores 1"):
        read_csv(tmp_path / "absent.csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,2,3\n")
    with pytest.raises(ValueError, match=r"broken\.csv is not a CSV table"):
        read_csv(broken)


def test_null_is_nan() -> None:
    np.testing.assert_array_equal(floats(pa.table({"n": [1, None]}), "n"), [1.0, math.nan])


def test_standard_error_by_hand() -> None:
    assert standard_error(np.array([1.0, 2.0, 6.0, math.nan])) == pytest.approx(math.sqrt(7 / 3))
    assert math.isnan(standard_error(np.array([1.0, math.nan])))
    assert math.isnan(standard_error(np.array([1.0, math.inf])))


def test_text_is_aligned() -> None:
    assert align_text([["method", "n"], ["a", "100"]]) == "method    n\na       100"
