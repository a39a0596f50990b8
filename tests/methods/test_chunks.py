"""Windows that overlap and are joined: what comes out is what goes in where separation changes nothing."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from lass.methods.chunks import Windows, separate_chunks

CUT = Windows(length=100, overlap=20, together=3)


def blocks_of(mixture: np.ndarray, size: int) -> Iterator[np.ndarray]:
    yield from (mixture[begin : begin + size] for begin in range(0, len(mixture), size))


@pytest.mark.parametrize(
    ("samples", "starts"), [(1, [0]), (100, [0]), (101, [0, 1]), (180, [0, 80]), (200, [0, 80, 100])]
)
def test_windows_reach_the_end(samples: int, starts: list[int]) -> None:
    assert CUT.starts(samples) == starts


@pytest.mark.parametrize("size", [1, 37, 1000])
@pytest.mark.parametrize("samples", [1, 99, 100, 101, 180, 555, 1000])
def test_shares_of_the_mixture_come_out_whole(samples: int, size: int) -> None:
    mixture = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    seen: list[int] = []

    def halves(windows: np.ndarray, numbers: list[int]) -> np.ndarray:
        assert windows.shape[1] == 100
        assert len(windows) <= 3
        seen.extend(numbers)
        return np.stack([0.25 * windows, 0.75 * windows], axis=1)

    parts = list(separate_chunks(blocks_of(mixture, size), halves, CUT))
    np.testing.assert_allclose(
        np.concatenate(parts, axis=1), np.stack([0.25 * mixture, 0.75 * mixture]), atol=1e-6
    )
    assert seen == list(range(len(CUT.starts(samples)))), "every window once, in order"


def test_neighbours_fade_into_one_another() -> None:
    """Windows 0, 1, ... give their own number everywhere."""

    def numbered(windows: np.ndarray, numbers: list[int]) -> np.ndarray:
        return np.tile(np.array(numbers, dtype=np.float32)[:, None, None], (1, 1, windows.shape[1]))

    [joined] = np.concatenate(list(separate_chunks([np.zeros(180, np.float32)], numbered, CUT)), axis=1)
    assert (joined[:80] == 0).all()
    assert (joined[100:] == 1).all()
    assert (np.diff(joined[79:101]) > 0).all(), "rising from the first shared sample to the last"
    np.testing.assert_allclose(joined[80:100] + joined[80:100][::-1], 1, atol=1e-6)


def peak_of(samples: int) -> int:
    """Bytes that are held at once, at most, while a mixture of so many samples is separated and dropped."""

    def halves(windows: np.ndarray, numbers: list[int]) -> np.ndarray:  # noqa: ARG001
        return np.stack([0.5 * windows, 0.5 * windows], axis=1)

    tracemalloc.start()
    try:
        blocks = (np.zeros(500, np.float32) for _ in range(samples // 500))
        assert sum(part.shape[1] for part in separate_chunks(blocks, halves, CUT)) == samples
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_mixture() -> None:
    """A hundred times the samples, of which 2,000 bytes each block: no more is held."""
    peak_of(5_000)  # what is made once
    short, long = peak_of(5_000), peak_of(500_000)
    assert long < short + 10_000, "a hundredth of the samples' own 2 MB"
    assert short > 2 * 4 * CUT.length, "what is held is seen"


def test_no_mixture_gives_nothing() -> None:
    assert not list(separate_chunks([], lambda windows, numbers: windows[:, None], CUT))  # noqa: ARG005


@pytest.mark.parametrize(("length", "overlap", "together"), [(100, 51, 1), (100, -1, 1), (100, 20, 0)])
def test_windows_that_cannot_be(length: int, overlap: int, together: int) -> None:
    with pytest.raises(ValueError, match="share between none and half of them"):
        Windows(length, overlap, together)
