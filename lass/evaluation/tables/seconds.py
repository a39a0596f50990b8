"""Seconds per mixture to the paper's Table 4: one row per data set, method, device and precision."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lass.evaluation.tables.files import check_columns, read_csv, records

TOLD_APART = ["dataset", "method", "device", "precision"]
SECONDS = [*TOLD_APART, "seconds", "mixtures", "memory"]
"""Columns of a table of timed batches: seconds per mixture, mixtures in the batch, MiB held until then."""


def summarise_seconds(rows: pd.DataFrame) -> pd.DataFrame:
    """Seconds per mixture by data set, method, device and precision, from timed batches of mixtures.

    `rows` has the columns of `SECONDS`: seconds per mixture of one batch, and how many mixtures it held.
    Columns are `dataset, method, seconds_mean, seconds_std, n, memory, device, precision`, rows in order of
    first appearance: neither devices nor precisions are ever averaged. `memory` is the highest, in MiB.
    Each of the n mixtures counts with the mean of its batch. `seconds_std` (divisor n) is therefore the
    deviation between batches, and null where there is only one batch.

    Raises:
        ValueError: no rows, a missing column, seconds that are not positive and finite, or an empty batch.
    """
    check_columns(rows, SECONDS)
    seconds, mixtures = rows["seconds"].astype("float64"), rows["mixtures"]
    faulty = ~((seconds > 0) & np.isfinite(seconds) & (mixtures >= 1))  # what is missing is faulty too
    if faulty.any():
        raise ValueError(
            f"{int(faulty.sum())} of {len(faulty)} timed batches are unfit, the first "
            f"{records(rows[faulty])[0]}: give seconds > 0 and mixtures >= 1, time the batches anew"
        )

    def total(values: "pd.Series[float]") -> "pd.Series[float]":
        """Of the batches that are told apart, for each of them."""
        return values.groupby([rows[name] for name in TOLD_APART], sort=False).transform("sum")

    n = total(mixtures)
    mean = total(seconds * mixtures) / n
    variance = total((seconds - mean) ** 2 * mixtures) / n
    several = total(mixtures**0) > 1
    memory = rows["memory"].groupby([rows[name] for name in TOLD_APART], sort=False).transform("max")
    made = rows[TOLD_APART].assign(seconds_mean=mean, seconds_std=np.sqrt(variance).where(several))
    made = made.assign(n=n, memory=memory)
    columns = ["dataset", "method", "seconds_mean", "seconds_std", "n", "memory", "device", "precision"]
    return made.drop_duplicates(TOLD_APART, ignore_index=True)[columns]


def with_seconds(summary: pd.DataFrame, times: Iterable[Path]) -> pd.DataFrame:
    """The rows of `summary` and what a separation takes: `seconds` per mixture, by the files `times`.

    The files have the columns of `SECONDS`, one for every row.
    """
    timed = pd.concat([summarise_seconds(read_csv(path)) for path in times])
    return summary.assign(seconds=summary["method"].map(timed.set_index("method")["seconds_mean"]))
