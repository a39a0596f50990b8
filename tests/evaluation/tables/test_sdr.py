"""Summaries against means and errors worked out by hand; text and figure."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from lass.evaluation.metrics.sdr import SeparationScores
from lass.evaluation.tables.files import read_csv, records, write_csv
from lass.evaluation.tables.scores import Coverage, Separated
from lass.evaluation.tables.sdr import AVERAGED, METRICS, Sdr, class_names, score_rows

CLASSES = ["drums", "bass"]
FIRST = ["method", "sdr_avg", "sdr_drums", "sdr_bass", "n"]


def row(method: str, mixture: int, source: str, value: float | None, **changes: Any) -> dict[str, Any]:
    metrics = dict.fromkeys((*AVERAGED, "isr"), value)
    counts = {"nan_frames": 0, "uncounted": 0, "positions": 0}
    return {"method": method, "mixture": mixture, "source": source, **metrics, **counts, **changes}


def rows_of(values: dict[str, list[tuple[float | None, float | None]]]) -> list[dict[str, Any]]:
    """Rows of each method's (drums, bass) values, mixture by mixture."""
    return [
        row(method, mixture, source, value)
        for method, pairs in values.items()
        for mixture, pair in enumerate(pairs)
        for source, value in zip(CLASSES, pair, strict=True)
    ]


def summary_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    summary: list[dict[str, Any]] = records(Sdr.summarise(pd.DataFrame(rows), classes=CLASSES))
    return summary


def test_score_rows_are_what_the_summary_reads() -> None:
    values = {name: np.array([index + 1.0, -index]) for index, name in enumerate((*AVERAGED, "isr"))}
    found = score_rows(
        SeparationScores(**values, nan_frames=1),
        mixture=7,
        classes=CLASSES,
        coverage=Coverage(uncounted=2, positions=10),
    )
    assert [(row["mixture"], row["source"]) for row in found] == [(7, "drums"), (7, "bass")]
    assert found[0]["sdr"] == 1.0
    assert found[1]["sdr_chunk"] == -1.0
    [summary] = summary_of([{"method": "lass", **row} for row in found])
    assert (summary["n"], summary["sdr_avg"], summary["nan_frames"]) == (1, 0.5, 1)
    assert summary["uncounted"] == 0.2


def test_a_mixture_is_scored_in_its_best_order() -> None:
    rng = np.random.default_rng(0)
    sources, noise = rng.normal(size=(2, 2, 3000))
    estimates = (sources + 0.1 * noise)[::-1]
    metric = Sdr(rate=1000)
    told = {"mixture": 3, "estimates": estimates, "sources": sources, "classes": CLASSES}
    found = metric.score(Separated(**told, labels=["any", "any"]))
    expected = 10 * np.log10((sources**2).sum(axis=1) / ((0.1 * noise) ** 2).sum(axis=1))
    assert [row["sdr_chunk"] for row in found] == pytest.approx(expected.tolist())
    assert {name for row in found for name in row} == set(metric.schema) - {"method"}
    assert [(row["uncounted"], row["positions"]) for row in found] == [(0, 0), (0, 0)]
    assert all(row["sdr_chunk"] < 0 for row in metric.score(Separated(**told, labels=CLASSES)))
    assert metric.best_order(estimates, sources, labels=["any", "any"]) == [1, 0]


def test_frames_are_those_of_the_window() -> None:
    """A frame in which a source is silent has no score: one of three seconds, or two of six halves."""
    sources = np.random.default_rng(0).normal(size=(2, 3000))
    sources[0, 1000:2000] = 0.0
    separated = Separated(0, sources + 0.01, sources, CLASSES, CLASSES)
    assert [Sdr(1000, window=window).score(separated)[0]["nan_frames"] for window in (1.0, 0.5)] == [1, 2]


def test_classes_that_repeat_are_numbered(tmp_path: Path) -> None:
    twice = ["speech", "speech"]
    scores = SeparationScores(**{name: np.array([1.0, 3.0]) for name in METRICS}, nan_frames=0)
    rows = score_rows(scores, mixture=0, classes=twice, coverage=Coverage())
    table = pd.DataFrame([{"method": "lass", **row} for row in rows])
    [summary] = records(Sdr.summarise(table, classes=twice))
    assert (summary["sdr_speech_1"], summary["sdr_speech_2"], summary["sdr_avg"]) == (1.0, 3.0, 2.0)
    Sdr.draw(table, classes=twice, path=tmp_path / "sdr.png")


@pytest.fixture
def summary() -> pd.DataFrame:
    values: dict[str, list[tuple[float | None, float | None]]] = {
        "mixture": [(1.0, -1.0), (2.0, -2.0)],
        "codec_ceiling": [(10.0, 12.0), (8.0, 15.0)],
        "lass": [(4.0, 5.0), (6.0, 5.5)],
    }
    return Sdr.summarise(pd.DataFrame(rows_of(values)), classes=CLASSES)


def test_means_and_errors_by_hand() -> None:
    [lass] = summary_of(rows_of({"lass": [(1.0, 4.0), (2.0, 6.0), (6.0, 8.0)]}))
    for metric in AVERAGED:
        assert lass[f"{metric}_drums"] == pytest.approx(3.0)
        assert lass[f"{metric}_bass"] == pytest.approx(6.0)
        assert lass[f"{metric}_avg"] == pytest.approx(4.5)
    assert lass["n"] == 3
    # averages 2.5, 4, 7: squared deviations 4, 0.25, 6.25, variance 5.25
    assert lass["sdr_se"] == pytest.approx(math.sqrt(5.25 / 3))
    assert lass["sdr_se_drums"] == pytest.approx(math.sqrt(7 / 3))  # deviations -2, -1, 3
    assert lass["sdr_se_bass"] == pytest.approx(math.sqrt(4 / 3))


def test_columns_begin_with_those_of_the_paper_and_methods_keep_their_order(summary: pd.DataFrame) -> None:
    assert list(summary)[:6] == [*FIRST, "sdr_se"]
    assert list(summary["method"]) == ["mixture", "codec_ceiling", "lass"]
    assert class_names(summary) == CLASSES


def test_order_of_the_rows_within_a_method_does_not_matter() -> None:
    rows = rows_of({"lass": [(1.0, 4.0), (2.0, 6.0), (6.0, 8.0)]})
    assert summary_of(rows[::-1]) == summary_of(rows)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_mixtures_without_a_score_are_left_out(missing: float | None) -> None:
    rows = rows_of({"lass": [(1.0, 5.0), (3.0, 7.0), (missing, missing)]})
    for entry in rows[-2:]:
        entry["nan_frames"] = 3
    [lass] = summary_of(rows)
    assert (lass["sdr_avg"], lass["sdr_drums"], lass["sdr_bass"]) == pytest.approx((4.0, 2.0, 6.0))
    assert lass["sdr_se"] == pytest.approx(1.0)  # averages 3 and 5
    assert (lass["n"], lass["nan_frames"]) == (3, 3)  # a frame counts once, not once for each source


def test_what_cannot_be_computed_is_null() -> None:
    [alone] = summary_of(rows_of({"lass": [(1.0, 2.0)]}))
    assert alone["sdr_se"] is None
    [none] = summary_of(rows_of({"lass": [(math.nan, math.nan)]}))
    assert (none["sdr_avg"], none["sdr_drums"], none["n"]) == (None, None, 1)
    [opposed] = summary_of(rows_of({"lass": [(math.inf, 1.0), (-math.inf, 1.0)]}))
    assert (opposed["sdr_drums"], opposed["sdr_bass"]) == (None, 1.0)


def test_perfect_scores_stay_infinite() -> None:
    [perfect] = summary_of(rows_of({"oracle": [(math.inf, math.inf)] * 2}))
    assert perfect["sdr_avg"] == math.inf
    assert perfect["sdr_se"] is None


def test_share_of_uncounted_codes() -> None:
    rows = rows_of({"mixture": [(0.0, 0.0)] * 2, "lass": [(0.0, 0.0)] * 2})
    for entry, uncounted in zip(rows[4:], (3, 3, 0, 0), strict=True):
        entry |= {"uncounted": uncounted, "positions": 750}
    for entry in rows[:2]:
        entry |= {"uncounted": None, "positions": None}
    mixture, lass = summary_of(rows)
    assert mixture["uncounted"] is None
    assert lass["uncounted"] == pytest.approx(3 / 1500)


def test_three_sources() -> None:
    classes = ["drums", "bass", "piano"]
    rows = [row("lass", 7, name, value) for name, value in zip(classes, (1.0, 2.0, 6.0), strict=True)]
    table = Sdr.summarise(pd.DataFrame(rows), classes=classes)
    assert list(table)[:6] == ["method", "sdr_avg", "sdr_drums", "sdr_bass", "sdr_piano", "n"]
    assert list(table["sdr_avg"]) == pytest.approx([3.0])


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (lambda rows: rows[:-1], r"method 'lass' .* \[\(1, 'bass'\)\]"),
        (lambda rows: [*rows, rows[0]], "repeated"),
        (lambda rows: [*rows, row("lass", 1, "piano", 0.0)], r"\(1, 'piano'\)"),
        (lambda rows: [{k: v for k, v in entry.items() if k != "sir"} for entry in rows], "columns sir"),
    ],
)
def test_incomplete_rows_are_refused(faulty: Any, message: str) -> None:
    rows = faulty(rows_of({"lass": [(1.0, 2.0), (3.0, 4.0)]}))
    with pytest.raises(ValueError, match=message):
        summary_of(rows)


def test_empty_table_or_classes_are_refused() -> None:
    table = pd.DataFrame(rows_of({"lass": [(1.0, 2.0)]}))
    with pytest.raises(ValueError, match="no score rows"):
        Sdr.summarise(table.head(0), classes=CLASSES)
    with pytest.raises(ValueError, match="no classes"):
        Sdr.summarise(table, classes=[])


def test_csv_round_trip_keeps_every_value(summary: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.csv"
    write_csv(summary, path=path)
    assert path.read_text().startswith("method,sdr_avg,sdr_drums,sdr_bass,n,")
    assert '"' not in path.read_text().splitlines()[1]
    values = [{k: v for k, v in entry.items() if v is not None} for entry in records(read_csv(path))]
    assert values == [{k: v for k, v in entry.items() if v is not None} for entry in records(summary)]
    assert [entry.name for entry in path.parent.iterdir()] == ["scores.csv"]
    before = path.read_bytes()
    write_csv(summary, path=path)
    assert path.read_bytes() == before


def test_infinite_values_survive_the_csv(tmp_path: Path) -> None:
    table = Sdr.summarise(pd.DataFrame(rows_of({"oracle": [(math.inf, -math.inf)] * 2})), classes=CLASSES)
    write_csv(table, path=tmp_path / "scores.csv")
    [entry] = records(read_csv(tmp_path / "scores.csv"))
    assert (entry["sdr_drums"], entry["sdr_bass"], entry["sdr_avg"]) == (math.inf, -math.inf, None)


def test_text_is_aligned_and_rounded(summary: pd.DataFrame, tmp_path: Path) -> None:
    write_csv(summary, path=tmp_path / "scores.csv")
    header, *lines = Sdr.format(tmp_path / "scores.csv").splitlines()
    assert header.split()[:4] == FIRST[:4]
    assert lines[2].split()[:4] == ["lass", "5.12", "5.00", "5.25"]
    assert lines[2].split()[-1] == "-"  # no codes, no share
    assert {len(line) for line in (header, *lines)} == {len(header)}
    assert len(header) <= 130


def test_columns_of_the_documents(summary: pd.DataFrame) -> None:
    assert records(Sdr.shorten(summary))[2] == {
        "method": "lass",
        "SDR avg": "5.12 ± 0.62",  # averages 4.5 and 5.75
        "drums": "5.00",
        "bass": "5.25",
        "SI-SDR": "5.12",
        "SIR": "5.12",
        "n": "2",
    }
    with pytest.raises(ValueError, match="lack the columns sdr_se"):
        Sdr.shorten(summary.drop(columns="sdr_se"))


def test_text_of_a_bad_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="snakemake --cores 1"):
        Sdr.format(tmp_path / "absent.csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("method,sdr_avg\nlass,1.0,2.0\n")
    with pytest.raises(ValueError, match=r"broken\.csv is not a CSV table"):
        Sdr.format(broken)
    broken.write_text("method,sdr_avg,sdr_drums,n\nlass,1.0,1.0,3\n")
    with pytest.raises(ValueError, match=r"sdr_se.* are missing"):
        Sdr.format(broken)
    broken.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="got a, b"):
        Sdr.format(broken)


def test_figure_is_written_whole_and_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "figures" / "scores.png"
    rows = pd.DataFrame(rows_of({"x": [(1.0, 2.0), (3.0, -1.0), (0.5, 8.0)], "y": [(4.0, 4.0)] * 3}))
    Sdr.draw(rows, classes=CLASSES, path=path)
    first = path.read_bytes()
    Sdr.draw(rows, classes=CLASSES, path=path)
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_figure_of_values_that_are_not_finite(tmp_path: Path) -> None:
    rows = rows_of(
        {"oracle": [(math.inf, math.inf)] * 2, "none": [(math.nan, math.nan)] * 2, "x": [(-9.0, 1.0)]}
    )
    Sdr.draw(pd.DataFrame(rows), classes=CLASSES, path=tmp_path / "scores.png")
    height, width, channels = matplotlib.image.imread(tmp_path / "scores.png").shape
    assert height > 400
    assert width > 600
    assert channels == 4


def test_figure_of_a_strange_table_or_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lack the columns"):
        Sdr.draw(pd.DataFrame({"a": [1]}), classes=CLASSES, path=tmp_path / "scores.png")
    with pytest.raises(ValueError, match=r"ends in \.png"):
        Sdr.draw(pd.DataFrame(rows_of({"x": [(1.0, 2.0)]})), classes=CLASSES, path=tmp_path / "scores.svg")
    assert not list(tmp_path.iterdir())


def test_drawing_leaves_the_backend_alone() -> None:
    code = "import sys, lass.evaluation.tables.sdr; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
