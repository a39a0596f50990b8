"""From estimates over files of scores to one table, by either metric."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lass.evaluation.opening import open_metric
from lass.evaluation.settings import MetricSettings, PsnrSettings, SdrSettings
from lass.evaluation.tables.files import write_csv
from lass.evaluation.tables.scores import Separated, read_scores, score_mixtures
from lass.settings import distinct_names

CLASSES = ["drums", "bass"]
EITHER = pytest.mark.parametrize("settings", [SdrSettings(rate=1000), PsnrSettings()])


def mixtures(count: int) -> list[Separated]:
    rng = np.random.default_rng(0)
    sources, noise = rng.random((count, 2, 2000)), 0.1 * rng.normal(size=(count, 2, 2000))
    return [
        Separated(number, true + error, true, CLASSES, CLASSES)
        for number, (true, error) in enumerate(zip(sources, noise, strict=True))
    ]


@EITHER
def test_shards_make_no_difference(settings: MetricSettings, tmp_path: Path) -> None:
    """Three mixtures in one file, or in two and an empty one: the tables have the same bytes."""
    metric, tables = open_metric(settings), []
    for cuts in ([0, 3], [0, 2, 2, 3]):
        paths = []
        for start, end in pairwise(cuts):
            paths.append(tmp_path / f"{len(cuts)}-{start}-{end}.csv")
            scores = score_mixtures(metric, mixtures(3)[start:end], method="lass")
            assert list(scores) == list(metric.schema)
            write_csv(scores, path=paths[-1])
        rows = read_scores(metric, paths)
        assert dict(rows.dtypes.astype(str)) == dict(metric.schema)
        write_csv(metric.summarise(rows, classes=CLASSES), path=tmp_path / "table.csv")
        metric.draw(rows, classes=CLASSES, path=tmp_path / "table.png")
        tables.append([(tmp_path / name).read_bytes() for name in ("table.csv", "table.png")])
    assert tables[0] == tables[1]
    assert metric.format(tmp_path / "table.csv").splitlines()[1].startswith("lass ")


@EITHER
def test_files_of_another_metric_are_refused(settings: MetricSettings, tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"method": ["a"], "mixture": [1]}), path=tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"a\.csv: lacks the columns"):
        read_scores(open_metric(settings), [tmp_path / "a.csv"])
    with pytest.raises(ValueError, match="no files of scores"):
        read_scores(open_metric(settings), [])
    with pytest.raises(FileNotFoundError):
        read_scores(open_metric(settings), [tmp_path / "absent.csv"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("lass,0.5,1.0", "mixture 0.5 is no whole number"),
        ("lass,inf,1.0", "mixture inf is no whole number"),
        (",1,1.0", "row 2 lacks its method"),
        ("lass,,1.0", "row 2 lacks its mixture"),
        ("lass,x,1.0", "Unable to parse"),
    ],
)
def test_rows_that_say_not_whose_they_are(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"method,mixture,psnr\nlass,0,1.0\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"a\.csv: {message}.*: remove it and score the mixtures anew"):
        read_scores(open_metric(PsnrSettings()), [path])


def test_rows_without_a_source(tmp_path: Path) -> None:
    metric = open_metric(SdrSettings(rate=1000))
    scores = score_mixtures(metric, mixtures(1), method="lass")
    scores.loc[1, "source"] = None
    write_csv(scores, path=tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"a\.csv: row 2 lacks its source: remove it"):
        read_scores(metric, [tmp_path / "a.csv"])


def test_names_by_hand() -> None:
    assert distinct_names(["a", "b"]) == ["a", "b"]
    assert distinct_names(["a", "b", "a"]) == ["a_1", "b", "a_2"]
