"""Which places of recordings are mixed: sources of one moment, or of different recordings."""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heapreplace

import numpy as np

from lass.compute.seeds import generator
from lass.data.table import Place


def is_silent(audio: np.ndarray, threshold: float) -> np.ndarray:
    """Which sources [N] of `audio` [N, T] are silent by the paper's rule `||x||_2 / T < threshold`.

    The mean of x is taken away first: a constant offset, which cheap converters add, is no sound.
    """
    wide = audio.astype(np.float64)
    norms = np.linalg.norm(wide - wide.mean(axis=-1, keepdims=True), axis=-1)
    return np.asarray(norms / audio.shape[-1] < threshold)


def sounding_starts(audio: np.ndarray, *, length: int, threshold: float) -> list[int]:
    """Starts of the chunks of `audio` [N, T], side by side, in which none of the N sources is silent."""
    starts = range(0, audio.shape[-1] - length + 1, length)
    return [start for start in starts if not is_silent(audio[:, start : start + length], threshold).any()]


def choose_moments(starts: Mapping[str, Sequence[int]], *, count: int | None, seed: int) -> list[Place]:
    """`count` of the moments `starts` of every item, evenly over the items; None takes all.

    Fewer than `count` come back where there are not so many. A longer list holds the places of a shorter one.
    """
    ranked: list[tuple[int, Place]] = []  # rank within the item, place
    for index, (item, places) in enumerate(starts.items()):
        order = generator(seed, "mixtures", index).permutation(len(places))
        ranked += [(rank, Place(item, places[place])) for rank, place in enumerate(order)]
    return sorted(place for _, place in sorted(ranked)[:count])


def choose_apart(
    places: Mapping[str, Sequence[Place]], sources: Sequence[str], *, count: int, seed: int
) -> list[list[Place]]:
    """`count` mixtures of places of the classes `sources`, all those of a mixture of different items.

    `places` holds those of every class. They are used up in random order before one is used again, unless all
    that are left are of items that the mixture has already. A longer list begins with the shorter one.
    ValueError where the classes do not have so many different items.
    """
    queues = {
        name: _Queue(places[name], generator(seed, "mixtures", index))
        for index, name in enumerate(dict.fromkeys(sources))
    }
    mixtures = []
    for _ in range(count):
        chosen = _different_items([queues[name] for name in sources])
        if chosen is None:
            counts = {name: len({place.item for place in places[name]}) for name in queues}
            raise ValueError(
                f"no {len(sources)} different items with sound for sources of the classes "
                f"{', '.join(sources)}; there are {counts}: add items, or lower `silence`"
            )
        for name, place in zip(sources, chosen, strict=True):
            queues[name].take(place)
        mixtures.append(chosen)
    return mixtures


class _Queue:
    """Places in random order, endlessly: the turns of a round are a permutation of them.

    Turns are (round, rank in it, row of the place). They are kept by item, so that one that waits for long,
    as others have few places, costs nothing.
    """

    def __init__(self, places: Sequence[Place], rng: np.random.Generator) -> None:
        self.places, self.rng = places, rng
        self.ranks: list[list[int]] = []  # of every round so far
        self.turns: dict[str, list[tuple[int, int, int]]] = {}  # of every item, a heap
        for row, place in enumerate(places):
            self.turns.setdefault(place.item, []).append(self._turn(row, 0))
        for turns in self.turns.values():
            heapify(turns)
        self.heads = sorted(turns[0] for turns in self.turns.values())

    def first_of_items(self) -> Iterator[Place]:
        """The next place of every item, soonest first."""
        for _, _, row in self.heads:
            yield self.places[row]

    def take(self, place: Place) -> None:
        """Let `place`, the next of its item, wait for the next round."""
        turns = self.turns[place.item]
        number, _, row = turns[0]
        self.heads.remove(turns[0])
        heapreplace(turns, self._turn(row, number + 1))
        insort(self.heads, turns[0])

    def _turn(self, row: int, number: int) -> tuple[int, int, int]:
        if number == len(self.ranks):
            self.ranks.append(self.rng.permutation(len(self.places)).tolist())
        return (number, self.ranks[number][row], row)


def _different_items(queues: Sequence[_Queue], taken: Iterable[str] = ()) -> list[Place] | None:
    """The soonest place of every queue, all of items that are not `taken`; None where there are none."""
    if not queues:
        return []
    for place in queues[0].first_of_items():
        if place.item in taken:
            continue
        rest = _different_items(queues[1:], {*taken, place.item})
        if rest is not None:
            return [place, *rest]
    return None
