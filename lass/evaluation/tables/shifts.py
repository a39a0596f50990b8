"""The table of shifts: SDR of every row on mixtures that were shifted, and what it lost by that."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

UNSHIFTED = "none"
"""The shift of the mixtures as they are."""


def summarise_shifts(
    scores: Mapping[str, pd.DataFrame], *, rows: Mapping[str, Sequence[str]], metric: str
) -> pd.DataFrame:
    """One row per shift and row of the table, from the score rows of every shift, UNSHIFTED among them.

    `rows` are the methods of each row of the table; `metric` is the column that is judged. The value of a
    mixture is the mean over its sources and over the methods of the row. `sdr` is its mean over the n
    mixtures that have one, `drop` the mean of what the mixture of the same number lost. `_se` are standard
    errors over mixtures; `drop_se_networks` is that over the methods of a row, on the mixtures that all of
    them have a score of. What cannot be computed is missing.

    ValueError where a method has no scores.
    """
    every = {shift: _by_method(table, metric) for shift, table in scores.items()}
    summary = []
    for shift, found in every.items():
        for name, methods in rows.items():
            absent = [method for method in methods if method not in found or method not in every[UNSHIFTED]]
            if absent:
                raise ValueError(f"shift {shift!r} has no scores of {absent[0]!r}: score its mixtures first")
            own, whole = found[list(methods)], every[UNSHIFTED][list(methods)]
            summary.append({"shift": shift, "method": name} | _summarise(own, whole))
    return pd.DataFrame(summary)


def _by_method(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean over the sources, one row per mixture and one column per method; missing where not finite."""
    finite = scores[metric].where(np.isfinite(scores[metric]))
    return finite.groupby([scores["mixture"], scores["method"]]).mean(skipna=False).unstack("method")


def _summarise(own: pd.DataFrame, whole: pd.DataFrame) -> dict[str, float]:
    """Of the methods of one row: their values by mixture, shifted and not."""
    after, before = own.align(whole, join="inner")
    losses = before - after
    values, lost = after.mean(axis=1, skipna=False), losses.mean(axis=1, skipna=False)
    return {
        "sdr": values.mean(),
        "sdr_se": values.sem(),
        "drop": lost.mean(),
        "drop_se": lost.sem(),
        "drop_se_networks": losses.dropna().mean().sem(),
        "networks": len(own.columns),
        "n": int(values.count()),
    }
