"""Rows of the priors' table, by hand."""

import pandas as pd

from lass.evaluation.tables.files import records
from lass.evaluation.tables.priors import of_shared_priors


def test_a_prior_of_several_sources_has_a_row_of_its_mean() -> None:
    first = {"source": "zero", "prior": "digits", "nll_per_token": 1.0, "tokens": 300}
    second = {"source": "one", "prior": "digits", "nll_per_token": 2.0, "tokens": 100}
    alone = {"source": "two", "prior": "twos", "nll_per_token": 9.0, "tokens": 100}
    assert records(of_shared_priors(pd.DataFrame([first, second, alone]))) == [
        {"source": "all", "prior": "digits", "nll_per_token": 1.25, "tokens": 400}
    ]
