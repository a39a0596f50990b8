"""The table of shifts: SDR of every row on mixtures that were shifted, and what it lost by that."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lass.evaluation.tables.files import FloatArray, floats, standard_error

UNSHIFTED = "none"
"""The shift of the mixtures as they are."""
COLUMNS = pa.schema(
    {"shift": pa.string(), "method": pa.string()}
    | dict.fromkeys(("sdr", "sdr_se", "drop", "drop_se", "drop_se_networks"), pa.float64())
    | {"networks": pa.int64(), "n": pa.int64()}
)


def summarise_shifts(
    scores: Mapping[str, pa.Table], *, rows: Mapping[str, Sequence[str]], metric: str
) -> pa.Table:
    """One row per shift and row of the table, from the score rows of every shift, UNSHIFTED among them.

    `rows` are the methods of each row of the table; `metric` is the column that is judged. The value of a
    mixture is the mean over its sources and over the methods of the row. `sdr` is its mean over the n
    mixtures that have one, `drop` the mean of what the mixture of the same number lost. `_se` are standard
    errors over mixtures; `drop_se_networks` is that over the methods of a row. What cannot be computed is
    null.

    ValueError where a method has no scores.
    """
    every = {shift: _by_method(table, metric) for shift, table in scores.items()}
    summary: list[dict[str, Any]] = []
    for shift, found in every.items():
        for name, methods in rows.items():
            absent = [method for method in methods if method not in found or method not in every[UNSHIFTED]]
            if absent:
                raise ValueError(f"shift {shift!r} has no scores of {absent[0]!r}: score its mixtures first")
            own = [found[method] for method in methods]
            whole = [every[UNSHIFTED][method] for method in methods]
            summary.append({"shift": shift, "method": name} | _summarise(own, whole))
    columns = {name: [row[name] for row in summary] for name in COLUMNS.names}
    return pa.table(
        {name: pa.array(columns[name], COLUMNS.field(name).type, from_pandas=True) for name in columns}
    )


def _by_method(scores: pa.Table, metric: str) -> dict[str, dict[int, float]]:
    """Method -> mixture -> mean over its sources."""
    values: dict[str, dict[int, list[float]]] = {}
    keys = zip(
        scores["method"].to_pylist(), scores["mixture"].to_pylist(), floats(scores, metric), strict=True
    )
    for method, mixture, value in keys:
        values.setdefault(method, {}).setdefault(mixture, []).append(float(value))
    return {
        method: {mixture: float(np.mean(own)) for mixture, own in mixtures.items()}
        for method, mixtures in values.items()
    }


def _summarise(own: Sequence[dict[int, float]], whole: Sequence[dict[int, float]]) -> dict[str, float]:
    """Of the methods of one row: their values by mixture, shifted and not."""
    mixtures = sorted(set.intersection(*(set(part) for part in (*own, *whole))))
    after, before = (
        np.array([[part[mixture] for mixture in mixtures] for part in parts]) for parts in (own, whole)
    )  # [methods, mixtures]
    losses = before - after
    return {
        "sdr": _mean(after.mean(axis=0)),
        "sdr_se": standard_error(after.mean(axis=0)),
        "drop": _mean(losses.mean(axis=0)),
        "drop_se": standard_error(losses.mean(axis=0)),
        "drop_se_networks": standard_error(np.array([_mean(row) for row in losses])),
        "networks": len(own),
        "n": int(np.isfinite(after.mean(axis=0)).sum()),
    }


def _mean(values: FloatArray) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if kept.size else float("nan")
