"""Streams of random numbers: one per purpose, and that of mixtures is the one there always was."""

import itertools

import numpy as np
import pytest

from lass.compute.seeds import PURPOSES, generator


def first(*entropy: int) -> int:
    return int(np.random.default_rng(entropy).integers(1 << 62))


def test_every_purpose_has_a_stream_of_its_own() -> None:
    assert len(set(PURPOSES.values())) == len(PURPOSES)
    draws = [
        int(generator(seed, purpose, number).integers(1 << 62))
        for seed, purpose, number in itertools.product(range(3), PURPOSES, range(20))
    ]
    assert len(set(draws)) == len(draws)
    again = generator(2, "tuples", 7).integers(1 << 62)
    assert again == generator(2, "tuples", 7).integers(1 << 62) == first(2, 7, PURPOSES["tuples"])


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_mixtures_are_drawn_from_the_stream_of_seed_and_number(seed: int) -> None:
    for number in (0, 1, 1000):
        expected = np.random.default_rng((seed, number)).integers(1 << 62, size=5)
        np.testing.assert_array_equal(generator(seed, "mixtures", number).integers(1 << 62, size=5), expected)


def test_numbers_are_no_codes() -> None:
    """Purposes with different counts of numbers: what ends one is not what another one is told by."""
    streams = [(purpose, numbers) for purpose in PURPOSES for numbers in ((1,), (1, 2), (1, 2, 3))]
    streams = [(purpose, numbers) for purpose, numbers in streams if purpose != "mixtures"]
    streams += [("mixtures", (number,)) for number in range(4)]
    draws = [int(generator(0, purpose, *numbers).integers(1 << 62)) for purpose, numbers in streams]
    assert len(set(draws)) == len(draws)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is drawn for 'luck': use one of mixtures, tuples"):
        generator(0, "luck")
    for numbers in ((), (1, 2)):
        with pytest.raises(ValueError, match=r"mixtures are drawn by one number each, not by \("):
            generator(0, "mixtures", *numbers)
    for seed, number in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="give 0 or more"):
            generator(seed, "tuples", number)
    with pytest.raises(TypeError):
        PURPOSES["luck"] = 0  # type: ignore[index]
