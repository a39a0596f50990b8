"""Which images are mixed: different ones, all as often."""

import numpy as np

from lass.compute.seeds import generator


def distinct_rows(rng: np.random.Generator, *, images: int, count: int, sources: int) -> np.ndarray:
    """`count` random tuples [count, sources] of different rows of `images`, all tuples as likely."""
    check_enough(images, sources)
    rows = np.empty((count, sources), dtype=np.int64)
    for n in range(sources):
        chosen = rng.integers(images - n, size=count)  # among those that are left, counted from 0
        for taken in np.sort(rows[:, :n], axis=1).T:
            chosen += chosen >= taken
        rows[:, n] = chosen
    return rows


def permuted_rows(images: int, *, count: int, sources: int, seed: int) -> np.ndarray:
    """Rows [count, sources]: permutations of `images` one after the other, cut into tuples.

    What a permutation leaves over begins a tuple that the next one completes; so the images left over are put
    behind the first ones of the next permutation, lest one of them meets itself. No image is used twice more
    than another, and a longer list begins with the shorter one.
    """
    check_enough(images, sources)
    parts: list[np.ndarray] = []
    for number in range(-(-count * sources // images)):
        order = generator(seed, "mixtures", number).permutation(images)
        left = number * images % sources
        if left:
            clear = order[~np.isin(order, parts[-1][-left:])][: sources - left]
            order = np.concatenate([clear, order[~np.isin(order, clear)]])
        parts.append(order)
    return np.concatenate(parts)[: count * sources].reshape(count, sources)


def check_enough(images: int, sources: int) -> None:
    """ValueError where `images` are too few for mixtures of `sources` different ones."""
    if not 1 <= sources <= images:
        raise ValueError(
            f"{sources} sources out of {images} images: a mixture needs at least one source and the split as "
            "many images as a mixture; lower the number of sources or add images"
        )
