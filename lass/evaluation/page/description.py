"""What a page says: a table, some mixtures with what every method made of them, and how all this was made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from lass.evaluation.separations import Separations
from lass.evaluation.tables.files import records
from lass.evaluation.tables.scores import Metric


@dataclass(frozen=True, eq=False)
class Page:
    """Everything that a page shows, before it is encoded.

    `scores` are score rows in the columns of the metric's schema, at least those of the mixtures shown; none
    leaves the page without scores beside the estimates. `made` is how the table was made, in words by topic;
    `settings` the same as JSON or another text that is shown as it is. ValueError where the table has no
    methods, or the estimates are of a method that it lacks.
    """

    title: str
    table: pd.DataFrame  # one row per method: `method`, then numbers
    separations: Separations
    scores: pd.DataFrame | None = None
    made: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)  # of rows that are no methods of separation

    def __post_init__(self) -> None:
        if "method" not in self.table or self.table.empty:
            raise ValueError(
                f"the table of {self.title!r} has the columns {', '.join(self.table)} and "
                f"{len(self.table)} rows: give at least one row with its `method`"
            )
        known = self.table["method"].tolist()
        unknown = [name for name in self.separations.estimates if name not in known]
        if unknown:
            raise ValueError(
                f"estimates of {unknown[0]!r}, which is no method of the table of {self.title!r} "
                f"({', '.join(known)}): leave them out, or make the table of all methods"
            )

    def score_of(self, metric: Metric) -> Mapping[tuple[str, int, str | None], float]:
        """The main score in dB by method, number of the mixture and source; of images the source is None."""
        rows = records(self.scores) if self.scores is not None else []
        return {(row["method"], row["mixture"], row.get("source")): row[metric.main] for row in rows}


COLUMNS = {
    "n": "mixtures",
    "sdr": "signal-to-distortion ratio in dB: median over the frames of a mixture, mean over mixtures",
    "sdr_se": "standard error of that mean",
    "sdr_chunk": "the same of whole mixtures, without frames",
    "si_sdr": "the same, whatever the level of the estimate",
    "sir": "signal-to-interference ratio in dB: how much of the other sources is heard",
    "sar": "signal-to-artefacts ratio in dB: how much is heard that is in none of the sources",
    "nan_frames": "frames without a score, as a source or its estimate is silent in them",
    "uncounted": "share of codes of the mixtures that the likelihood knows nothing of",
    "psnr": "peak signal-to-noise ratio in dB: mean and standard deviation over mixtures",
    "psnr_se": "standard error of the mean",
    "psnr_median": "median over mixtures",
    "share_solved": "share of mixtures above 20 dB",
}
"""What columns of tables mean, by how their names begin."""


def explained_columns(names: list[str]) -> dict[str, str]:
    """What the columns of a table mean, as far as COLUMNS knows them."""
    return {
        key: meaning
        for key, meaning in COLUMNS.items()
        if any(name == key or name.startswith(f"{key}_") for name in names)
    }
