"""The table of failures: mixtures that are not taken apart, and estimates that change places within one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lass.evaluation.metrics.swaps import SEGMENT, count_swaps
from lass.evaluation.tables.scores import Separated

SWAPS = ["method", "mixture", "swaps", "pairs"]
"""Columns of a table of swaps: changes of the best order within a mixture, of so many that there could be."""


def swaps_of(separated: Separated, *, rate: int) -> dict[str, int]:
    """A row of SWAPS, but for its method; of 0 pairs where every source has a label of its own."""
    swaps, pairs = 0, 0
    if len(set(separated.labels)) < len(separated.labels):
        swaps, pairs = count_swaps(separated.estimates, separated.sources, labels=separated.labels, rate=rate)
    return {"mixture": separated.mixture, "swaps": swaps, "pairs": pairs}


def summarise_failures(
    scores: pd.DataFrame, swaps: Sequence[dict[str, Any]], *, segment: float = SEGMENT
) -> pd.DataFrame:
    """One row per method, from the score rows of all and their rows of SWAPS by `segment` seconds.

    `failures` is the share of the n mixtures whose SI-SDR, as a mean over the sources, is below 0 dB or is
    none, as of a silent estimate. `failures_se` is its standard error. `swaps_per_minute` are changes of the
    best order per minute in which it could be judged, `minutes` so many; both missing where nothing can swap.
    """
    with np.errstate(invalid="ignore"):  # +inf and -inf have no mean
        means = scores.groupby(["method", "mixture"], sort=False)["si_sdr"].agg(
            lambda found: found.mean(skipna=False)
        )
    moved = pd.DataFrame(swaps, columns=SWAPS).groupby("method")[["swaps", "pairs"]].sum()
    rows = []
    for method in scores["method"].unique():
        failed = ~(means[method] >= 0).to_numpy()
        share = failed.mean()
        minutes = moved["pairs"].get(method, 0) * segment / 60
        rows.append(
            {
                "method": method,
                "failures": share,
                "failures_se": np.sqrt(share * (1 - share) / len(failed)),
                "n": len(failed),
                "swaps_per_minute": moved["swaps"][method] / minutes if minutes else np.nan,
                "minutes": minutes if minutes else np.nan,
            }
        )
    return pd.DataFrame(rows)
