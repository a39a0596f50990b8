"""Random tables of counts: what decoding reads of a mixture, without a data set."""

import numpy as np
import torch

from lass.likelihood.tensor import Likelihood


def draw_distinct(rng: np.random.Generator, bound: int, number: int) -> np.ndarray:
    """`number` different integers under `bound`, ascending."""
    found = np.unique(rng.integers(bound, size=2 * number)) if number < bound // 4 else np.arange(bound)
    return np.sort(rng.choice(found, size=number, replace=False))


def random_likelihood(
    rng: np.random.Generator, *, codes: int, sources: int, entries: int, counted: int | None = None
) -> Likelihood:
    """A table with `entries` different tuples in the slice of every mixture code, or of the first `counted`.

    `codes`: K; the table has fewer entries where there are fewer tuples.
    """
    number, slices = min(entries, codes**sources), codes if counted is None else counted
    keys = np.stack([draw_distinct(rng, codes**sources, number) for _ in range(slices)])
    tuples = np.stack(np.unravel_index(keys, (codes,) * sources), axis=-1)  # [slices, n, N]
    return Likelihood(
        offsets=torch.arange(codes + 1).clamp_max(slices) * number,
        tuples=torch.from_numpy(tuples.reshape(-1, sources).astype(np.uint16)),
        log_likelihood=torch.from_numpy(np.log(rng.random(keys.size)).astype(np.float32)),
        codebook_size=codes,
        sources=sources,
    )
