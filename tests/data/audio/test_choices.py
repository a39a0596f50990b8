"""Places of recordings: the silence rule by hand, and mixtures of different recordings."""

import time
from collections import Counter

import numpy as np
import pytest

from lass.data.audio.choices import choose_apart, is_silent, sounding_starts
from lass.data.table import Place


def places(**chunks: int) -> list[Place]:
    return [Place(item, 10 * number) for item, count in chunks.items() for number in range(count)]


def test_silence_by_hand() -> None:
    # norms 5, 0 and 2 over 4 samples: 1.25, 0 and 0.5
    audio = np.array([[3.0, 0.0, 0.0, -4.0], [0.0] * 4, [1.0, -1.0] * 2], dtype=np.float32)
    audio[0] += 0.25  # whose mean is -0.25 otherwise
    np.testing.assert_array_equal(is_silent(audio, 0.5), [False, True, False])
    np.testing.assert_array_equal(is_silent(audio, 0.51), [False, True, True])
    np.testing.assert_array_equal(is_silent(audio, 0.0), [False, False, False])


def test_a_constant_offset_is_no_sound() -> None:
    noise = np.random.default_rng(0).normal(size=(1, 1000)).astype(np.float32)
    audio = np.concatenate([np.full_like(noise, 0.5), 0.001 * noise + 0.5, 0.001 * noise])
    np.testing.assert_array_equal(is_silent(audio, 2e-5), [True, False, False])


def test_chunks_in_which_all_sources_sound() -> None:
    audio = np.tile([1.0, -1.0], 6)[:11] * np.ones((2, 1))
    audio[1, 3:6] = 0
    assert sounding_starts(audio, length=3, threshold=0.1) == [0, 6]
    assert sounding_starts(audio[:1], length=3, threshold=0.1) == [0, 3, 6]
    assert sounding_starts(audio, length=12, threshold=0.1) == []


@pytest.mark.parametrize("sources", [("a", "b"), ("a", "a"), ("a", "b", "a")])
def test_items_differ_and_places_are_used_alike(sources: tuple[str, ...]) -> None:
    held = {"a": places(p=3, q=2, r=2, s=3), "b": places(p=2, t=3, u=2)}
    mixtures = choose_apart(held, sources, count=210, seed=3)
    assert len(mixtures) == 210
    assert all(len({place.item for place in row}) == len(sources) for row in mixtures)
    for name in set(sources):
        rows = [row for row, source in enumerate(sources) if source == name]
        uses = Counter(mixture[row] for mixture in mixtures for row in rows)
        assert set(uses) == set(held[name])
        assert max(uses.values()) - min(uses.values()) <= 2
    assert choose_apart(held, sources, count=210, seed=3) == mixtures
    assert choose_apart(held, sources, count=17, seed=3) == mixtures[:17]
    assert choose_apart(held, sources, count=210, seed=4) != mixtures


def test_a_scarce_item_is_left_to_the_class_that_needs_it() -> None:
    held = {"a": places(p=4), "b": places(p=4, q=1), "c": places(q=1, r=1)}
    for mixture in choose_apart(held, ("b", "c", "a"), count=50, seed=0):
        assert [place.item for place in mixture] == ["q", "r", "p"]


def test_too_few_different_items() -> None:
    with pytest.raises(ValueError, match=r"no 2 different items .* a, a; there are \{'a': 1\}: add items"):
        choose_apart({"a": places(p=9)}, ("a", "a"), count=1, seed=0)
    with pytest.raises(ValueError, match=r"there are \{'a': 1, 'b': 0\}"):
        choose_apart({"a": places(p=9), "b": []}, ("a", "b"), count=1, seed=0)


def test_an_item_of_most_places_is_quick() -> None:
    held = {"a": places(p=5000, q=50)}
    began = time.process_time()
    mixtures = choose_apart(held, ("a", "a"), count=5000, seed=0)
    assert time.process_time() - began < 2, "about 100 ms on an idle machine"
    uses = Counter(place for row in mixtures for place in row)
    assert {uses[place] for place in held["a"]} == {1, 100}


def test_all_pairs_come() -> None:
    held = {"a": places(p=1, q=1, r=1)}
    pairs = Counter(
        (first.item, second.item)
        for seed in range(400)
        for first, second in choose_apart(held, ("a", "a"), count=3, seed=seed)
    )
    assert len(pairs) == 6
    assert min(pairs.values()) > 120
