"""The table of failures by hand."""

import numpy as np
import pandas as pd
import pytest

from lass.evaluation.tables.failures import summarise_failures, swaps_of
from lass.evaluation.tables.scores import Separated

INF = float("inf")


def scores(**methods: list[tuple[float, float]]) -> pd.DataFrame:
    """SI-SDR of two sources per mixture."""
    return pd.DataFrame(
        [
            {"method": method, "mixture": number, "source": source, "si_sdr": value}
            for method, pairs in methods.items()
            for number, pair in enumerate(pairs)
            for source, value in zip(("one", "two"), pair, strict=True)
        ]
    )


def test_failures_by_hand() -> None:
    table = scores(
        good=[(3.0, 1.0), (2.0, -1.0), (INF, 0.0), (5.0, 5.0)],
        bad=[(1.0, -3.0), (-INF, 3.0), (5.0, np.nan), (0.0, 0.0)],
    )
    swaps = [
        {"method": "bad", "mixture": 0, "swaps": 3, "pairs": 60},
        {"method": "bad", "mixture": 1, "swaps": 1, "pairs": 60},
        {"method": "good", "mixture": 0, "swaps": 0, "pairs": 0},
    ]
    found = summarise_failures(table, swaps).set_index("method")
    assert found.loc["good", ["failures", "n"]].tolist() == [0.0, 4]
    assert found.loc["bad", "failures"] == 0.75, "an estimate of silence has failed"
    assert found.loc["bad", "failures_se"] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert found.loc["bad", "n"] == 4
    assert found.loc["bad", "swaps_per_minute"] == pytest.approx(4.0), "four in 120 pairs of half a second"
    assert found.loc["bad", "minutes"] == 1.0
    assert found.loc["good", ["swaps_per_minute", "minutes"]].isna().all()


def test_sources_that_cannot_swap_have_no_pairs() -> None:
    true = np.random.default_rng(0).standard_normal((2, 400))

    def row(*labels: str) -> dict[str, int]:
        return swaps_of(Separated(3, true[::-1], true, ["a", "b"], labels), rate=100)

    assert row("a", "b") == {"mixture": 3, "swaps": 0, "pairs": 0}
    assert row("any", "any") == {"mixture": 3, "swaps": 0, "pairs": 7}
