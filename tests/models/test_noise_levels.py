"""What denoisers have learnt by level of noise, beside the best linear filter."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lass.models.noise_levels import LEVELS, REMAINING, check_levels, spectra_of, try_filter, try_network
from lass.training import train
from tests.models.test_diffusion import run_of, small, told, tones, unlabelled


def test_the_best_linear_filter_by_hand() -> None:
    powers = torch.tensor([1.0, 3.0, 0.0])
    parts = [4 / 5, 12 / 7, 0.0]  # 4 P / (4 + P)
    assert try_filter(powers, powers, 2.0, points=True).error == pytest.approx(sum(parts) / 3)
    by_frequency = (parts[0] + 2 * parts[1] + parts[2]) / 4
    assert try_filter(powers, powers, 2.0, points=False).error == pytest.approx(by_frequency)


def test_the_filter_is_tried_on_unseen_sources() -> None:
    """Gains 1/5 and 1/2 of powers 1 and 4, on powers 2 and 0: what is lost, and the noise that passes."""
    found = try_filter(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 0.0]), 2.0, points=True)
    assert found.error == pytest.approx((16 / 25 * 2 + 4 / 25 + 4 / 4) / 2)
    power = 1 / 25 * (2 + 4 * REMAINING**2) + 1 / 4 * 4 * REMAINING**2
    assert found.loudness == pytest.approx(10 * math.log10(power / 2))


def test_louder_unseen_sources_are_no_merit_of_the_network() -> None:
    """A network that says nothing is the filter of white sources: it gains nothing."""
    network = small()
    rng = torch.Generator().manual_seed(1)
    white = unlabelled(float(network.deviations) * torch.randn(256, 64, generator=rng))
    for factor in (0.5, 1.41):
        unseen = (factor * white[0], white[1])
        rows = check_levels(
            network, known=white, unseen=unseen, classes=["tones"], rng=np.random.default_rng(0)
        )
        assert max(abs(float(row.row["gain"])) for row in rows) < 0.3


def test_the_filter_of_images_knows_their_components() -> None:
    """Two pixels that are always equal: one component of power 2, none of the other."""
    value = torch.randn(4096, 1, generator=torch.Generator().manual_seed(0))
    unseen = torch.tensor([[1.0, 1.0], [3.0, -1.0]])  # squared sums, halved: 2, 2; differences: 0, 8
    powers, held = spectra_of(value.expand(-1, 2), unseen, points=True)
    torch.testing.assert_close(powers, torch.tensor([0.0, 2.0]), atol=0.1, rtol=0)
    torch.testing.assert_close(held, torch.tensor([4.0, 2.0]))
    wide = torch.full((2, 1100), 3.0)  # too many numbers for components
    powers, held = spectra_of(wide, 2 * wide, points=True)
    assert torch.equal(powers, torch.full((1100,), 9.0))
    assert torch.equal(held, torch.full((1100,), 36.0))


def test_a_network_learns_more_than_the_mean_power(tmp_path: Path) -> None:
    network, known = small(), unlabelled(tones(np.random.default_rng(0)))
    progress = train(network, run_of(tmp_path / "state"), precision="float32")
    assert progress.best_step > 0
    unseen = unlabelled(tones(np.random.default_rng(7)))
    rows = check_levels(
        network, known=known, unseen=unseen, classes=["tones", "more"], rng=np.random.default_rng(0)
    )
    assert [(row.source, row.level) for row in rows] == [("tones+more", level) for level in LEVELS]
    for row in rows:
        power = float(network.deviations) ** 2
        assert row.sigma == pytest.approx(row.level * math.sqrt(power))
        white = row.sigma**2 * power / (row.sigma**2 + power)
        assert row.filter.error <= 1.001 * white
        if row.level in (0.5, 1.0):
            assert row.network.error < 0.8 * white
        assert row.row["gain"] == pytest.approx(10 * math.log10(row.filter.error / row.network.error))


def test_each_told_class_is_checked_by_itself() -> None:
    """White sources and a network that says nothing: it is the filter itself, at every level."""
    network = told()
    white, classes = torch.randn(256, 64, generator=torch.Generator().manual_seed(1)), torch.arange(256) % 2
    sources = (white * torch.tensor([0.1, 0.4])[classes, None], classes)
    rows = check_levels(
        network, known=sources, unseen=sources, classes=["quiet", "loud"], rng=np.random.default_rng(0)
    )
    assert [row.source for row in rows] == ["quiet"] * len(LEVELS) + ["loud"] * len(LEVELS)
    for row in rows:
        assert row.network.error == pytest.approx(row.filter.error, rel=0.1)
        assert row.network.loudness == pytest.approx(row.filter.loudness, abs=0.6)


def test_loudness_with_less_noise_than_told() -> None:
    """A network that says nothing is the filter g = 1 / (1 + level²): it lets g² of all power through."""
    network = small()
    rng = torch.Generator().manual_seed(1)
    white = unlabelled(float(network.deviations) * torch.randn(512, 64, generator=rng))
    rows = check_levels(network, known=white, unseen=white, classes=["tones"], rng=np.random.default_rng(0))
    for row in rows:
        power = (1 + REMAINING**2 * row.level**2) / (1 + row.level**2) ** 2
        assert row.network.loudness == pytest.approx(10 * math.log10(power), abs=0.1)
        assert (row.row["loudness"], row.row["filter_loudness"]) == (
            row.network.loudness,
            row.filter.loudness,
        )


def test_a_network_that_makes_sources_too_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small()
    monkeypatch.setattr(network, "forward", lambda noisy, *_: 2 * noisy)
    sources, rng = torch.ones(3, 64), np.random.default_rng(0)
    assert try_network(network, sources, 0, 1e-6, rng).loudness == pytest.approx(20 * math.log10(2), abs=1e-4)
    assert math.isnan(try_network(network, torch.zeros(3, 64), 0, 1.0, rng).loudness)
    assert math.isnan(try_filter(torch.ones(3), torch.zeros(3), 1.0, points=True).loudness)
