"""Levels of noise."""

import pytest

from lass.methods.diffusion.schedules import churned, falling
from lass.methods.diffusion_settings import Levels


def test_levels_fall_from_the_highest_to_none() -> None:
    levels = falling(Levels(steps=3, highest=8.0, lowest=1.0, rho=3.0))
    assert levels == pytest.approx([8, 1.5**3, 1, 0])  # third roots 2, 1.5, 1
    assert falling(Levels(steps=3, highest=8.0, lowest=2.0, rho=1.0)) == pytest.approx([8, 5, 2, 0])


def test_churn_raises_a_level_by_less_than_its_root_of_two() -> None:
    assert churned(2.0, churn=10, steps=100) == pytest.approx(2.2)
    assert churned(2.0, churn=1000, steps=100) == pytest.approx(2 * 2**0.5)
    assert churned(2.0, churn=0, steps=100) == 2
