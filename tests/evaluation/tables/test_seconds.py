"""Seconds of batches against means and deviations worked out by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from lass.evaluation.figures.seconds import best_for_their_time, draw_seconds
from lass.evaluation.tables.files import records, write_csv
from lass.evaluation.tables.seconds import SECONDS, summarise_seconds, with_seconds

ON_CPU = ("cpu", "float32")


def batches_of(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=SECONDS)


def test_seconds_by_hand() -> None:
    table = summarise_seconds(
        batches_of(
            ("mnist", "lass", "cpu", "float32", 4.0, 3, 700),
            ("mnist", "nmf", "cpu", "float32", 0.5, 10, 90),
            ("mnist", "lass", "cpu", "float32", 8.0, 1, 800),
            ("mnist", "lass", "cuda", "float32", 1.0, 4, 5),
            ("mnist", "lass", "cuda", "float32", 3.0, 4, 6),
            ("mnist", "lass", "cuda", "bfloat16", 0.5, 4, 3),
        )
    )
    names = ["dataset", "method", "seconds_mean", "seconds_std", "n", "memory", "device", "precision"]
    assert list(table) == names
    lass, nmf, faster, rounded = records(table)
    assert (lass["method"], lass["device"], lass["n"]) == ("lass", "cpu", 4)
    assert lass["seconds_mean"] == pytest.approx(5.0)  # 4, 4, 4, 8
    assert lass["seconds_std"] == pytest.approx(math.sqrt(3.0))
    assert [row["memory"] for row in (lass, nmf, faster, rounded)] == [800, 90, 6, 3], "the highest"
    assert (nmf["method"], nmf["seconds_mean"], nmf["seconds_std"], nmf["n"]) == ("nmf", 0.5, None, 10)
    assert (faster["device"], faster["seconds_mean"], faster["seconds_std"]) == ("cuda", 2.0, 1.0)
    assert (faster["precision"], faster["n"]) == ("float32", 8)
    assert (rounded["precision"], rounded["n"], rounded["seconds_mean"]) == ("bfloat16", 4, 0.5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (batches_of(), "no rows"),
        (batches_of(("mnist", "lass", *ON_CPU, 1.0, 1, 9)).drop(columns="device"), "lack the columns device"),
        (batches_of(("mnist", "lass", *ON_CPU, 1.0, 0, 9)), "1 of 1 timed batches are unfit.*'mixtures': 0"),
        (batches_of(("a", "b", *ON_CPU, 1.0, 1, 9), ("a", "b", *ON_CPU, 0.0, 1, 9)), "1 of 2 timed batches"),
        (batches_of(("mnist", "lass", *ON_CPU, None, 1, 9)), "1 of 1 timed batches"),
        (batches_of(("mnist", "lass", *ON_CPU, math.inf, 1, 9)), "1 of 1 timed batches"),
    ],
)
def test_seconds_that_cannot_be_summarised_are_refused(rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise_seconds(rows)


def test_rows_of_a_table_with_their_seconds(tmp_path: Path) -> None:
    for name, seconds in (("fast", 0.5), ("slow", 8.0)):
        write_csv(batches_of(("songs", name, *ON_CPU, seconds, 3, 9)), path=tmp_path / f"{name}.csv")
    summary = pd.DataFrame({"method": ["slow", "fast"], "sdr": [9.0, 7.0]})
    found = with_seconds(summary, [tmp_path / "fast.csv", tmp_path / "slow.csv"])
    assert list(found) == ["method", "sdr", "seconds"]
    assert [row["seconds"] for row in records(found)] == [8.0, 0.5]


def test_quality_against_seconds_is_drawn(tmp_path: Path) -> None:
    table, picture = tmp_path / "table.csv", tmp_path / "table.png"
    rows = {"method": ["slow", "lass", "fast"], "psnr_mean": [9.0, 5.0, 7.0], "seconds": [8.0, None, 0.5]}
    write_csv(pd.DataFrame(rows), path=table)
    draw_seconds(table, quality="psnr", path=picture)
    first = picture.read_bytes()
    assert first.startswith(b"\x89PNG")
    write_csv(pd.DataFrame({**rows, "psnr_mean": [9.0, 6.0, 7.0]}), path=table)
    draw_seconds(table, quality="psnr", path=picture)
    assert picture.read_bytes() == first, "a row without seconds has no point"
    write_csv(pd.DataFrame(rows).rename(columns={"psnr_mean": "psnr_avg"}), path=table)
    draw_seconds(table, quality="psnr", path=picture)
    assert picture.read_bytes() == first, "the column of audio"
    write_csv(pd.DataFrame({"method": ["a"], "psnr_mean": [1.0]}), path=table)
    with pytest.raises(ValueError, match="no column seconds: set `seconds` of the table to true"):
        draw_seconds(table, quality="psnr", path=picture)
    write_csv(pd.DataFrame({**rows, "seconds": [None] * 3}), path=table)
    with pytest.raises(ValueError, match="no row with seconds and psnr_mean"):
        draw_seconds(table, quality="psnr", path=picture)


@pytest.mark.parametrize("second", [0.5, 4.0], ids=["fastest", "slowest"])
def test_a_row_far_below_the_others_does_not_stretch_the_picture(tmp_path: Path, second: float) -> None:
    """Beyond the lower edge its point stays where it is, and the list has its quality."""
    table, picture = tmp_path / "table.csv", tmp_path / "table.png"
    pictures = []
    for worst in (-30.0, -40.0):
        rows = {"method": ["a", "b", "c", "d"], "sdr_avg": [9.0, 5.0, 6.0, worst]}
        write_csv(pd.DataFrame({**rows, "seconds": [1.0, 2.0, 3.0, second]}), path=table)
        draw_seconds(table, quality="sdr", path=picture)
        pictures.append(imread(picture))
    below, further = pictures
    points = slice(0, int(0.6 * below.shape[1]))
    assert np.array_equal(below[:, points], further[:, points])
    assert not np.array_equal(below, further)


def test_rows_that_differ_by_less_are_drawn_to_scale(tmp_path: Path) -> None:
    """As two rows, of which the median is as far from one as from the other."""
    table, picture = tmp_path / "table.csv", tmp_path / "table.png"
    pictures = []
    for worst in (4.19, 4.69):
        rows = {"method": ["lass", "learned"], "sdr_avg": [worst, 16.70], "seconds": [3.8, 8.9]}
        write_csv(pd.DataFrame(rows), path=table)
        draw_seconds(table, quality="sdr", path=picture)
        pictures.append(imread(picture))
    one, other = pictures
    names = slice(int(0.8 * one.shape[1]), None)
    assert np.array_equal(one[:, names], other[:, names]), "the list has no quality of them"
    assert not np.array_equal(one, other)


def test_rows_that_no_faster_row_equals() -> None:
    seconds, values = np.array([3.0, 1.0, 1.0, 2.0, 5.0]), np.array([7.0, 4.0, 5.0, 5.0, 8.0])
    assert best_for_their_time(seconds, values) == [2, 0, 4]
