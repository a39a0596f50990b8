"""CSV files give back what was written; columns, errors and text by hand."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

import lass
from lass.evaluation.tables.files import align_text, read_csv, records, write_csv, write_made


def test_round_trip_keeps_every_value(tmp_path: Path) -> None:
    table = pd.DataFrame({"method": ["a, b", "c"], "value": [0.1, None], "n": [1, 2]})
    path = tmp_path / "new" / "table.csv"
    write_csv(table, path=path)
    assert path.read_text() == 'method,value,n\n"a, b",0.1,1\nc,,2\n'
    assert records(read_csv(path)) == records(table)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_an_absent_or_broken_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="snakemake --cores 1"):
        read_csv(tmp_path / "absent.csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,2,3\n")
    with pytest.raises(ValueError, match=r"broken\.csv is not a CSV table"):
        read_csv(broken)


@pytest.mark.parametrize("text", ["a,b\n1,2", ""])
def test_a_file_that_is_cut_off_is_told_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cut.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="cut off within a line") as caught:
        read_csv(path)
    assert str(caught.value) == f"{path} is cut off within a line: remove it and make it anew"


def test_names_that_look_like_nothing_stay_names(tmp_path: Path) -> None:
    write_csv(
        pd.DataFrame({"method": ["none", "NA", "nan"], "value": [1.0, math.inf, math.nan]}),
        path=tmp_path / "a.csv",
    )
    table = read_csv(tmp_path / "a.csv")
    assert records(table) == [
        {"method": "none", "value": 1.0},
        {"method": "NA", "value": math.inf},
        {"method": "nan", "value": None},
    ]


def test_text_is_aligned() -> None:
    text = align_text(pd.DataFrame({"method": ["a", "b"], "n": ["100", "2"]}))
    assert text.splitlines() == ["method    n", "a       100", "b         2"]


def test_what_a_table_was_made_with(tmp_path: Path) -> None:
    write_made(tmp_path / "made.json", "scores", {"seed": 0}, split="test")
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    assert made == {"kind": "scores", "config": {"seed": 0}, "lass": lass.__version__, "split": "test"}
