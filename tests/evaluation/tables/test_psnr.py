"""Scores of images and their summaries against values worked out by hand; text and figure."""

import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from lass.evaluation.tables.files import read_csv, records, write_csv
from lass.evaluation.tables.psnr import SUMMARY, Psnr
from lass.evaluation.tables.scores import Coverage, Separated


def rows_of(values: dict[str, list[float | None]]) -> pd.DataFrame:
    """Rows of each method's scores, mixture by mixture."""
    rows = [
        {"method": method, "mixture": mixture, "psnr": value}
        for method, scores in values.items()
        for mixture, value in enumerate(scores)
    ]
    return pd.DataFrame(rows, columns=list(Psnr.schema))


ROWS = rows_of({"lass": [10.0, 30.0, 35.0, 25.0], "average": [14.0, 14.0, 15.0, 17.0]})


def test_a_mixture_is_scored_in_its_best_order() -> None:
    sources = np.array([[0.5, 0.5], [0.1, 0.9]])
    estimates = sources[::-1] + np.array([[0.1], [-0.01]])  # 20 dB for the second, 40 dB for the first
    for labels, score in ((["a", "a"], 30.0), (["a", "b"], None)):
        separated = Separated(7, estimates, sources, ["1", "2"], labels, Coverage(1, 2))
        [row] = Psnr().score(separated)
        assert row.keys() == {"mixture", "psnr"}
        assert row["mixture"] == 7
        assert row["psnr"] == pytest.approx(score) if score else row["psnr"] < 12
    assert Psnr.best_order(estimates, sources, labels=["a", "a"]) == [1, 0]


def test_summary_by_hand() -> None:
    lass, average = records(Psnr.summarise(ROWS))
    assert Psnr.summarise(ROWS).columns.tolist() == list(SUMMARY)
    assert SUMMARY[:4] == ("method", "psnr_mean", "psnr_std", "n")
    assert (lass["method"], lass["psnr_mean"], lass["n"]) == ("lass", 25.0, 4)
    assert lass["psnr_std"] == pytest.approx(math.sqrt(350 / 4))  # deviations -15, 5, 10, 0
    assert lass["psnr_se"] == pytest.approx(math.sqrt(350 / 3 / 4))
    assert (lass["psnr_median"], lass["share_solved"]) == (27.5, 0.75)
    assert (average["method"], average["share_solved"]) == ("average", 0.0)


def test_order_of_the_rows_within_a_method_does_not_matter() -> None:
    assert Psnr.summarise(ROWS.iloc[[3, 1, 0, 2, 6, 4, 7, 5]]).equals(Psnr.summarise(ROWS))


def test_exact_estimates_and_single_mixtures() -> None:
    exact, single = rows_of({"exact": [30.0, math.inf, 10.0]}), rows_of({"single": [30.0]})
    [found] = records(Psnr.summarise(exact))
    assert (found["psnr_mean"], found["psnr_median"], found["n"]) == (math.inf, 30.0, 3)
    assert (found["psnr_std"], found["psnr_se"]) == (None, None)
    assert found["share_solved"] == pytest.approx(2 / 3)
    [found] = records(Psnr.summarise(single))
    assert (found["psnr_mean"], found["psnr_std"], found["psnr_se"]) == (30.0, 0.0, None)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (rows_of({}), "no rows"),
        (ROWS.drop(columns="psnr"), "lack the columns psnr"),
        (rows_of({"a": [1.0, math.nan]}), "1 of 2 scores are missing, the first .*'mixture': 1"),
        (rows_of({"a": [1.0, None]}), "1 of 2 scores are missing"),
        (rows_of({"a": [1.0, 2.0], "b": [1.0]}), r"method 'b' has 1 mixtures and 'a' 2, of which \[1\]"),
        (pd.concat([ROWS, ROWS[2:3]]), r"'lass' has mixtures \[2\] repeated"),
    ],
)
def test_rows_that_cannot_be_summarised_are_refused(rows: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        Psnr.summarise(rows)
    with pytest.raises(ValueError, match=message):
        Psnr.draw(rows, path=tmp_path / "psnr.png")
    assert not list(tmp_path.iterdir())


def test_text_is_aligned_and_rounded(tmp_path: Path) -> None:
    write_csv(Psnr.summarise(ROWS), path=tmp_path / "psnr.csv")
    header, lass, average = Psnr.format(tmp_path / "psnr.csv").splitlines()
    assert header.split() == list(SUMMARY)
    assert lass.split() == ["lass", "25.00", "9.35", "4", "5.40", "27.50", "75.0%"]
    assert len(header) == len(lass) == len(average)
    write_csv(Psnr.summarise(rows_of({"a": [math.inf]})), path=tmp_path / "psnr.csv")
    assert Psnr.format(tmp_path / "psnr.csv").split()[-6:] == ["inf", "-", "1", "-", "inf", "100.0%"]
    assert list(read_csv(tmp_path / "psnr.csv")["psnr_mean"]) == [math.inf]


def test_columns_of_the_documents() -> None:
    lass, _ = records(Psnr.shorten(Psnr.summarise(ROWS)))
    assert lass == {"method": "lass", "PSNR": "25.00 ± 9.35", "n": "4"}


def test_text_of_another_table_is_an_error(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"method": ["a"], "sdr_avg": [1.0]}), path=tmp_path / "sdr.csv")
    with pytest.raises(ValueError, match=r"psnr_mean.* are missing"):
        Psnr.format(tmp_path / "sdr.csv")


def test_distributions_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "psnr.png"
    Psnr.draw(ROWS, path=path)
    first = path.read_bytes()
    Psnr.draw(ROWS, path=path)
    assert path.read_bytes() == first
    with pytest.raises(ValueError, match=r"ends in \.png"):
        Psnr.draw(ROWS, path=tmp_path / "psnr.svg")


def test_distributions_of_a_single_equal_or_infinite_scores_are_drawn(tmp_path: Path) -> None:
    cases: list[list[float | None]] = [[7.0], [7.0, 7.0], [math.inf, 7.0], [math.inf]]
    for values in cases:
        Psnr.draw(rows_of({"a": values, "b": [20.0 for _ in values]}), path=tmp_path / "psnr.png")
        height, width, _ = matplotlib.image.imread(tmp_path / "psnr.png").shape
        assert (height, width) > (400, 600)
