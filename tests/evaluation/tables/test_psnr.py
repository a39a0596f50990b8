"""Summaries of images against means and deviations worked out by hand; text and figures."""

import math
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pyarrow as pa
import pytest

from lass.evaluation.tables.files import read_csv, write_csv
from lass.evaluation.tables.psnr import (
    SCORES,
    SECONDS,
    SUMMARY,
    draw_psnr,
    draw_separations,
    format_psnr,
    summarise_psnr,
    summarise_seconds,
)


def rows_of(values: dict[str, list[float | None]]) -> pa.Table:
    """Rows of each method's scores, mixture by mixture."""
    rows = [
        {"method": method, "mixture": mixture, "psnr": value}
        for method, scores in values.items()
        for mixture, value in enumerate(scores)
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


def batches_of(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SECONDS.names, row, strict=True)) for row in rows], schema=SECONDS)


ROWS = rows_of({"lass": [10.0, 30.0, 35.0, 25.0], "average": [14.0, 14.0, 15.0, 17.0]})


def test_summary_by_hand() -> None:
    lass, average = summarise_psnr(ROWS).to_pylist()
    assert summarise_psnr(ROWS).column_names == list(SUMMARY)
    assert SUMMARY[:4] == ("method", "psnr_mean", "psnr_std", "n")
    assert (lass["method"], lass["psnr_mean"], lass["n"]) == ("lass", 25.0, 4)
    assert lass["psnr_std"] == pytest.approx(math.sqrt(350 / 4))  # deviations -15, 5, 10, 0
    assert lass["psnr_se"] == pytest.approx(math.sqrt(350 / 3 / 4))
    assert (lass["psnr_median"], lass["share_solved"]) == (27.5, 0.75)
    assert (average["method"], average["share_solved"]) == ("average", 0.0)


def test_order_of_the_rows_within_a_method_does_not_matter() -> None:
    assert summarise_psnr(ROWS.take([3, 1, 0, 2, 6, 4, 7, 5])).equals(summarise_psnr(ROWS))


def test_exact_estimates_and_single_mixtures() -> None:
    exact, single = rows_of({"exact": [30.0, math.inf, 10.0]}), rows_of({"single": [30.0]})
    [found] = summarise_psnr(exact).to_pylist()
    assert (found["psnr_mean"], found["psnr_median"], found["n"]) == (math.inf, 30.0, 3)
    assert (found["psnr_std"], found["psnr_se"]) == (None, None)
    assert found["share_solved"] == pytest.approx(2 / 3)
    [found] = summarise_psnr(single).to_pylist()
    assert (found["psnr_mean"], found["psnr_std"], found["psnr_se"]) == (30.0, 0.0, None)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (rows_of({}), "no rows"),
        (ROWS.drop_columns(["psnr"]), "lack the columns psnr"),
        (rows_of({"a": [1.0, math.nan]}), "1 of 2 scores are missing, the first .*'mixture': 1"),
        (rows_of({"a": [1.0, None]}), "1 of 2 scores are missing"),
        (rows_of({"a": [1.0, 2.0], "b": [1.0]}), r"method 'b' has 1 mixtures and 'a' 2, of which \[1\]"),
        (pa.concat_tables([ROWS, ROWS.slice(2, 1)]), r"'lass' has mixtures \[2\] repeated"),
    ],
)
def test_rows_that_cannot_be_summarised_are_refused(rows: pa.Table, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        summarise_psnr(rows)
    with pytest.raises(ValueError, match=message):
        draw_psnr(rows, path=tmp_path / "psnr.png")
    assert not list(tmp_path.iterdir())


def test_seconds_by_hand() -> None:
    table = summarise_seconds(
        batches_of(
            ("mnist", "lass", "cpu", 4.0, 3),
            ("mnist", "nmf", "cpu", 0.5, 10),
            ("mnist", "lass", "cpu", 8.0, 1),
            ("mnist", "lass", "cuda", 1.0, 4),
            ("mnist", "lass", "cuda", 3.0, 4),
        )
    )
    assert table.column_names == ["dataset", "method", "seconds_mean", "seconds_std", "n", "device"]
    lass, nmf, faster = table.to_pylist()
    assert (lass["method"], lass["device"], lass["n"]) == ("lass", "cpu", 4)
    assert lass["seconds_mean"] == pytest.approx(5.0)  # 4, 4, 4, 8
    assert lass["seconds_std"] == pytest.approx(math.sqrt(3.0))
    assert (nmf["method"], nmf["seconds_mean"], nmf["seconds_std"], nmf["n"]) == ("nmf", 0.5, None, 10)
    assert (faster["device"], faster["seconds_mean"], faster["seconds_std"]) == ("cuda", 2.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (batches_of(), "no rows"),
        (batches_of(("mnist", "lass", "cpu", 1.0, 1)).drop_columns(["device"]), "lack the columns device"),
        (batches_of(("mnist", "lass", "cpu", 1.0, 0)), "1 of 1 timed batches are unfit.*'mixtures': 0"),
        (batches_of(("a", "b", "cpu", 1.0, 1), ("a", "b", "cpu", 0.0, 1)), "1 of 2 timed batches"),
        (batches_of(("mnist", "lass", "cpu", None, 1)), "1 of 1 timed batches"),
        (batches_of(("mnist", "lass", "cpu", math.inf, 1)), "1 of 1 timed batches"),
    ],
)
def test_seconds_that_cannot_be_summarised_are_refused(rows: pa.Table, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise_seconds(rows)


def test_text_is_aligned_and_rounded(tmp_path: Path) -> None:
    write_csv(summarise_psnr(ROWS), path=tmp_path / "psnr.csv")
    header, lass, average = format_psnr(tmp_path / "psnr.csv").splitlines()
    assert header.split() == list(SUMMARY)
    assert lass.split() == ["lass", "25.00", "9.35", "4", "5.40", "27.50", "75.0%"]
    assert len(header) == len(lass) == len(average)
    write_csv(summarise_psnr(rows_of({"a": [math.inf]})), path=tmp_path / "psnr.csv")
    assert format_psnr(tmp_path / "psnr.csv").split()[-6:] == ["inf", "-", "1", "-", "inf", "100.0%"]
    assert read_csv(tmp_path / "psnr.csv")["psnr_mean"].to_pylist() == [math.inf]


def test_text_of_another_table_is_an_error(tmp_path: Path) -> None:
    write_csv(pa.table({"method": ["a"], "sdr_avg": [1.0]}), path=tmp_path / "sdr.csv")
    with pytest.raises(ValueError, match=r"psnr_mean.* are missing"):
        format_psnr(tmp_path / "sdr.csv")


def test_distributions_are_drawn_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "psnr.png"
    draw_psnr(ROWS, path=path)
    first = path.read_bytes()
    draw_psnr(ROWS, path=path)
    assert path.read_bytes() == first
    with pytest.raises(ValueError, match=r"ends in \.png"):
        draw_psnr(ROWS, path=tmp_path / "psnr.svg")


def test_distributions_of_a_single_equal_or_infinite_scores_are_drawn(tmp_path: Path) -> None:
    cases: list[list[float | None]] = [[7.0], [7.0, 7.0], [math.inf, 7.0], [math.inf]]
    for values in cases:
        draw_psnr(rows_of({"a": values, "b": [20.0 for _ in values]}), path=tmp_path / "psnr.png")
        height, width, _ = matplotlib.image.imread(tmp_path / "psnr.png").shape
        assert (height, width) > (400, 600)


@pytest.mark.parametrize("colours", [1, 3])
def test_separations_show_every_image_in_its_place(colours: int, tmp_path: Path) -> None:
    image, rng = (colours, 6, 4), np.random.default_rng(0)
    sources = rng.random((5, 2, colours * 24))
    mixtures = sources.mean(axis=1)
    black = np.full_like(sources, -1.0)
    path = tmp_path / "new" / "separations.png"
    draw_separations(mixtures, sources, {"lass": sources, "black": black}, image=image, path=path)
    # 14 dots for each of 6 + 2 rows and 4 + 2 columns; one row of images, then three times two, 9 dots apart
    shown = matplotlib.image.imread(path)[:, -5 * 84 :, :3]
    assert len(shown) == 7 * 112 + 3 * 9
    for top, pixels in (
        (0, mixtures[:, None]),
        (121, sources),
        (354, sources),
        (587, np.zeros_like(sources)),
    ):
        rows = shown[top : top + 112 * pixels.shape[1]]
        tiles = rows[7::14, 7::14].reshape(-1, 8, 5, 6, 3).transpose(2, 0, 4, 1, 3)  # [M, rows, 3, 8, 6]
        expected = np.broadcast_to(pixels.reshape(5, -1, *image), tiles[..., :6, :4].shape)
        np.testing.assert_allclose(tiles[..., :6, :4], expected, atol=1 / 255)
        assert (tiles[..., 6:, :] == 1).all()
        assert (tiles[..., 4:] == 1).all()
    first = path.read_bytes()
    draw_separations(mixtures, sources, {"lass": sources, "black": black}, image=image, path=path)
    assert path.read_bytes() == first


def test_separations_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    sources, image = np.zeros((5, 2, 24)), (1, 6, 4)
    mixtures, path = sources[:, 0], tmp_path / "separations.png"
    with pytest.raises(ValueError, match=r"mixtures are \(4, 1, 24\)"):
        draw_separations(mixtures[:4], sources, {}, image=image, path=path)
    with pytest.raises(ValueError, match=r"estimates of 'lass' are \(5, 1, 24\), expected \(5, 2, 24\)"):
        draw_separations(mixtures, sources, {"lass": sources[:, :1]}, image=image, path=path)
    with pytest.raises(ValueError, match="'lass' hold NaN"):
        draw_separations(mixtures, sources, {"lass": sources * math.nan}, image=image, path=path)
    with pytest.raises(ValueError, match="1 or 3 colours, not 2"):
        draw_separations(mixtures, sources, {}, image=(2, 3, 4), path=path)
    with pytest.raises(ValueError, match=r"sources are \(5, 24\)"):
        draw_separations(mixtures, mixtures, {}, image=image, path=path)
    assert not list(tmp_path.iterdir())
