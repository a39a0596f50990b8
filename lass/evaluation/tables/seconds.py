"""Seconds per mixture to the paper's Table 4: one row per data set, method, device and precision."""

import numpy as np
import pyarrow as pa

from lass.evaluation.tables.files import check_columns, first_row, floats

SECONDS = pa.schema(
    {
        "dataset": pa.string(),
        "method": pa.string(),
        "device": pa.string(),
        "precision": pa.string(),
        "seconds": pa.float64(),  # per mixture
        "mixtures": pa.int64(),  # separated together, in one batch
    }
)
"""Columns of a table of timed batches."""


def summarise_seconds(rows: pa.Table) -> pa.Table:
    """Seconds per mixture by data set, method, device and precision, from timed batches of mixtures.

    `rows` has the columns of `SECONDS`: seconds per mixture of one batch, and how many mixtures it held.
    Columns are `dataset, method, seconds_mean, seconds_std, n, device, precision`, rows in order of first
    appearance: neither devices nor precisions are ever averaged.
    Each of the n mixtures counts with the mean of its batch. `seconds_std` (divisor n) is therefore the
    deviation between batches, and null where there is only one batch.

    Raises:
        ValueError: no rows, a missing column, seconds that are not positive and finite, or an empty batch.
    """
    check_columns(rows, SECONDS)
    seconds, mixtures = floats(rows, "seconds"), floats(rows, "mixtures")
    faulty = ~((seconds > 0) & np.isfinite(seconds) & (mixtures >= 1))  # NaN and null are faulty too
    if faulty.any():
        raise ValueError(
            f"{int(faulty.sum())} of {len(faulty)} timed batches are unfit, the first "
            f"{first_row(rows, faulty)}: give seconds > 0 and mixtures >= 1, time the batches anew"
        )
    told_apart = rows.select(["dataset", "method", "device", "precision"])
    keys = [tuple(row.values()) for row in told_apart.to_pylist()]
    summaries = []
    for key in dict.fromkeys(keys):
        mine = np.array([other == key for other in keys])
        mean = float(np.average(seconds[mine], weights=mixtures[mine]))
        variance = float(np.average((seconds[mine] - mean) ** 2, weights=mixtures[mine]))
        summaries.append(
            {
                "dataset": key[0],
                "method": key[1],
                "seconds_mean": mean,
                "seconds_std": float(np.sqrt(variance)) if mine.sum() > 1 else None,
                "n": int(mixtures[mine].sum()),
                "device": key[2],
                "precision": key[3],
            }
        )
    return pa.table({name: pa.array([row[name] for row in summaries]) for name in summaries[0]})
