"""Rows of `results/priors.csv`: nats per token of the priors on unseen data."""

from collections.abc import Mapping, Sequence
from typing import Any


def of_shared_priors(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One more row, with the source `all`, per prior that has rows for several sources: means over tokens."""
    more = []
    for prior in dict.fromkeys(row["prior"] for row in rows):
        own = [row for row in rows if row["prior"] == prior]
        tokens = sum(row["tokens"] for row in own)
        mean = sum(row["nll_per_token"] * row["tokens"] for row in own) / tokens
        if len(own) > 1:
            more.append({**own[0], "source": "all", "nll_per_token": mean, "tokens": tokens})
    return more
