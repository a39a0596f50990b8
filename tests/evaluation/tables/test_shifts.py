"""The table of shifts, by hand."""

from itertools import product

import pandas as pd
import pytest

from lass.evaluation.tables.files import records
from lass.evaluation.tables.shifts import UNSHIFTED, summarise_shifts


def scores(values: dict[str, list[tuple[float, float]]]) -> pd.DataFrame:
    """Score rows of methods: per mixture the SDR of its two sources."""
    rows = [
        {"method": method, "mixture": mixture, "source": source, "sdr": pair[index]}
        for method, pairs in values.items()
        for (mixture, pair), (index, source) in product(enumerate(pairs), enumerate(("drums", "bass")))
    ]
    return pd.DataFrame(rows)


WHOLE = scores({"one": [(10.0, 12.0), (8.0, 8.0)], "two": [(12.0, 12.0), (6.0, 6.0)]})
NOISY = scores({"one": [(9.0, 9.0), (7.0, 7.0)], "two": [(9.0, 9.0), (5.0, 5.0)]})


def test_a_row_of_one_method() -> None:
    """Means of the mixtures: 11 and 8 as they are, 9 and 7 in noise: losses of 2 and 1."""
    table = summarise_shifts({UNSHIFTED: WHOLE, "noise": NOISY}, rows={"first": ["one"]}, metric="sdr")
    plain, noisy = records(table)
    assert (plain["shift"], plain["method"], plain["n"], plain["networks"]) == ("none", "first", 2, 1)
    assert (plain["sdr"], plain["sdr_se"]) == (pytest.approx(9.5), pytest.approx(1.5))
    assert (plain["drop"], plain["drop_se"]) == (0.0, 0.0)
    assert (noisy["shift"], noisy["sdr"], noisy["sdr_se"]) == (
        "noise",
        pytest.approx(8.0),
        pytest.approx(1.0),
    )
    assert (noisy["drop"], noisy["drop_se"]) == (pytest.approx(1.5), pytest.approx(0.5))
    assert noisy["drop_se_networks"] is None


def test_a_row_of_two_networks() -> None:
    """They lose 1.5 and 2 in the mean: 1.75, give or take 0.25; of the mixtures 2.5 and 1."""
    rows = {"both": ["one", "two"]}
    table = summarise_shifts({UNSHIFTED: WHOLE, "noise": NOISY}, rows=rows, metric="sdr")
    noisy = records(table)[1]
    assert (noisy["sdr"], noisy["networks"]) == (pytest.approx(7.5), 2)
    assert (noisy["drop"], noisy["drop_se"]) == (pytest.approx(1.75), pytest.approx(0.75))
    assert noisy["drop_se_networks"] == pytest.approx(0.25)


def test_mixtures_without_a_score_are_left_out() -> None:
    broken = scores({"one": [(float("nan"), 9.0), (7.0, 7.0)]})
    table = summarise_shifts({UNSHIFTED: WHOLE, "noise": broken}, rows={"first": ["one"]}, metric="sdr")
    noisy = records(table)[1]
    assert (noisy["sdr"], noisy["drop"], noisy["n"]) == (pytest.approx(7.0), pytest.approx(1.0), 1)
    assert noisy["drop_se"] is None


def test_networks_are_compared_on_the_same_mixtures() -> None:
    """Without the first mixture, of which one network has no score, both lose 1."""
    broken = scores({"one": [(float("nan"), 9.0), (7.0, 7.0)], "two": [(9.0, 9.0), (5.0, 5.0)]})
    table = summarise_shifts({UNSHIFTED: WHOLE, "noise": broken}, rows={"both": ["one", "two"]}, metric="sdr")
    noisy = records(table)[1]
    assert (noisy["drop"], noisy["n"]) == (pytest.approx(1.0), 1)
    assert noisy["drop_se_networks"] == pytest.approx(0.0)


def test_a_method_without_scores() -> None:
    with pytest.raises(ValueError, match="shift 'noise' has no scores of 'two'"):
        summarise_shifts(
            {UNSHIFTED: WHOLE, "noise": scores({"one": [(1.0, 1.0)]})}, rows={"x": ["two"]}, metric="sdr"
        )
