"""Rows of `results/priors.csv`: nats per token of the priors on unseen data."""

import pandas as pd


def of_shared_priors(rows: pd.DataFrame) -> pd.DataFrame:
    """One more row, with the source `all`, per prior that has rows for several sources: means over tokens."""
    nats = rows.assign(nll_per_token=rows["nll_per_token"] * rows["tokens"])
    of_prior = nats.groupby("prior", sort=False)
    sums = of_prior[["nll_per_token", "tokens"]].sum()[of_prior.size() > 1]
    shared = rows.drop_duplicates("prior").set_index("prior").loc[sums.index].assign(source="all")
    shared["nll_per_token"], shared["tokens"] = sums["nll_per_token"] / sums["tokens"], sums["tokens"]
    return shared.reset_index()[list(rows.columns)]
