"""The table of Frechet distances, against closed forms."""

import logging
from pathlib import Path

import numpy as np
import pytest

from lass.evaluation.metrics.fid import FeatureStatistics, write_statistics
from lass.evaluation.tables.fid import COLUMNS, format_distances, tabulate_distances
from lass.evaluation.tables.files import records


def written(
    path: Path, mean: float, spread: float, *, images: int | None = 4000, network: str | None = "a"
) -> Path:
    """Statistics of two features that are alike: the distance of two such is known."""
    covariance = spread**2 * np.eye(2)
    write_statistics(path, FeatureStatistics(np.full(2, mean), covariance, images, network))
    return path


def test_a_row_per_method_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reference = written(tmp_path / "reference.npz", 0.0, 1.0, images=5000)
    methods = {
        "lass": written(tmp_path / "lass.npz", 2.0, 1.0),
        "average": written(tmp_path / "average.npz", 1.0, 4.0),
    }
    table = tabulate_distances(methods, reference, name="sources of the mixtures")
    assert dict(table.dtypes.astype(str)) == COLUMNS
    rows = records(table)
    assert [row["method"] for row in rows] == ["lass", "average"]
    # |m - m'|^2 + sum of (s - s')^2 over the features
    assert [row["fid"] for row in rows] == pytest.approx([2 * 2**2, 2 * 1**2 + 2 * 3**2])
    assert all(row["images"] == 4000 and row["reference_images"] == 5000 for row in rows)
    assert {row["reference"] for row in rows} == {"sources of the mixtures"}
    assert format_distances(table).splitlines()[1].split()[:2] == ["lass", "8.00"]
    assert not caplog.records


def test_few_images_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    few = written(tmp_path / "few.npz", 0.0, 1.0, images=2047)
    enough = written(tmp_path / "enough.npz", 0.0, 1.0, images=2048)
    for method, reference in ((few, enough), (enough, few)):
        caplog.clear()
        tabulate_distances({"lass": method}, reference, name="any")
        assert [record.message[:27] for record in caplog.records] == ["2047 images are fewer than "]


def test_statistics_of_others_tell_neither_images_nor_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = written(tmp_path / "celeba.npz", 0.0, 1.0, images=None, network=None)
    method = written(tmp_path / "lass.npz", 0.0, 1.0)
    [row] = records(tabulate_distances({"lass": method}, reference, name="celeba.npz"))
    assert row["reference_images"] is None
    assert "celeba.npz does not say of how many images it is" in caplog.text


def test_features_of_other_networks_are_refused(tmp_path: Path) -> None:
    reference = written(tmp_path / "reference.npz", 0.0, 1.0)
    own, other = written(tmp_path / "a.npz", 0.0, 1.0), written(tmp_path / "b.npz", 0.0, 1.0, network="b")
    for methods, true, named in (
        ({"a": own, "b": other}, reference, "b"),
        ({"a": own}, other, "b"),
        ({"b": other}, reference, "reference"),
    ):
        with pytest.raises(ValueError, match=rf"{named}\.npz: features of network .*the same weights"):
            tabulate_distances(methods, true, name="any")
    wide = tmp_path / "wide.npz"
    write_statistics(wide, FeatureStatistics(np.zeros(3), np.eye(3)))
    with pytest.raises(ValueError, match=r"wide\.npz: 2 and 3 features"):
        tabulate_distances({"a": own}, wide, name="any")
