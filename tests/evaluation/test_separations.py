"""Separations side by side: shapes, names and orders."""

import numpy as np
import pytest

from lass.evaluation.separations import Separations, spread_items
from lass.evaluation.tables.psnr import Psnr
from lass.evaluation.tables.sdr import Sdr

SOURCES = np.random.default_rng(0).random((2, 2, 24))
CLASSES = [["speech", "noise"], ["speech", "speech"]]


def shown(**changes: object) -> Separations:
    given = {"items": [4, 9], "classes": CLASSES, "mixtures": SOURCES.mean(axis=1), "sources": SOURCES}
    return Separations(**given | changes)


@pytest.mark.parametrize("metric", [Psnr(), Sdr(rate=8)])
def test_estimates_come_in_their_best_order(metric: Psnr | Sdr) -> None:
    """Of the first mixture the labels differ, so that its estimates stay where they are."""
    found = {4: SOURCES[0, ::-1], 9: SOURCES[1, ::-1], 7: SOURCES[0]}
    ordered = shown().with_estimates(
        "lass", found, metric=metric, labels={"speech": "speech prior", "noise": "noise prior"}
    )
    np.testing.assert_array_equal(ordered.estimates["lass"][0], SOURCES[0, ::-1])
    np.testing.assert_array_equal(ordered.estimates["lass"][1], SOURCES[1])
    both = ordered.with_estimates("blind", found, metric=metric, labels={"speech": "any", "noise": "any"})
    assert list(both.estimates) == ["lass", "blind"]
    np.testing.assert_array_equal(both.estimates["blind"], SOURCES)
    assert not shown().estimates


def test_sources_of_one_class_have_names_of_their_own() -> None:
    assert shown().names == [["speech", "noise"], ["speech_1", "speech_2"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixtures": SOURCES[:1, 0]}, r"mixtures are \(1, 24\), sources \(2, 2, 24\).* sizes differ"),
        ({"mixtures": SOURCES[:, 0, :9]}, "sizes differ"),
        ({"items": [4]}, r"items \[4\].* sizes differ"),
        ({"classes": [["a", "b"], ["a"]]}, "sizes differ"),
        ({"sources": SOURCES[:, 0]}, r"sources \(2, 24\)"),
        (
            {"estimates": {"lass": SOURCES[:, :1]}},
            r"estimates of 'lass' are \(2, 1, 24\), expected \(2, 2, 24\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shown(**changes)


def test_items_from_all_over_the_table() -> None:
    assert spread_items(100, 4) == [0, 33, 66, 99]
    assert spread_items(3, 8) == [0, 1, 2]
    assert spread_items(5, 1) == [0]
