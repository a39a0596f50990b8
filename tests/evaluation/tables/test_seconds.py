"""Seconds of batches against means and deviations worked out by hand."""

import math
from typing import Any

import pyarrow as pa
import pytest

from lass.evaluation.tables.seconds import SECONDS, summarise_seconds


def batches_of(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SECONDS.names, row, strict=True)) for row in rows], schema=SECONDS)


def test_seconds_by_hand() -> None:
    table = summarise_seconds(
        batches_of(
            ("mnist", "lass", "cpu", 4.0, 3),
            ("mnist", "nmf", "cpu", 0.5, 10),
            ("mnist", "lass", "cpu", 8.0, 1),
            ("mnist", "lass", "cuda", 1.0, 4),
            ("mnist", "lass", "cuda", 3.0, 4),
        )
    )
    assert table.column_names == ["dataset", "method", "seconds_mean", "seconds_std", "n", "device"]
    lass, nmf, faster = table.to_pylist()
    assert (lass["method"], lass["device"], lass["n"]) == ("lass", "cpu", 4)
    assert lass["seconds_mean"] == pytest.approx(5.0)  # 4, 4, 4, 8
    assert lass["seconds_std"] == pytest.approx(math.sqrt(3.0))
    assert (nmf["method"], nmf["seconds_mean"], nmf["seconds_std"], nmf["n"]) == ("nmf", 0.5, None, 10)
    assert (faster["device"], faster["seconds_mean"], faster["seconds_std"]) == ("cuda", 2.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (batches_of(), "no rows"),
        (batches_of(("mnist", "lass", "cpu", 1.0, 1)).drop_columns(["device"]), "lack the columns device"),
        (batches_of(("mnist", "lass", "cpu", 1.0, 0)), "1 of 1 timed batches are unfit.*'mixtures': 0"),
        (batches_of(("a", "b", "cpu", 1.0, 1), ("a", "b", "cpu", 0.0, 1)), "1 of 2 timed batches"),
        (batches_of(("mnist", "lass", "cpu", None, 1)), "1 of 1 timed batches"),
        (batches_of(("mnist", "lass", "cpu", math.inf, 1)), "1 of 1 timed batches"),
    ],
)
def test_seconds_that_cannot_be_summarised_are_refused(rows: pa.Table, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise_seconds(rows)
