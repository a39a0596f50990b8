"""Methods that know nothing of the sources: a mixture of audio split in two."""

from dataclasses import dataclass

import numpy as np

from lass.compute.seeds import generator
from lass.data.mixtures import Batch
from lass.methods.blind.separate import separate_blindly
from lass.methods.protocol import Given
from lass.methods.settings import BlindJob


@dataclass(frozen=True)
class Blind:
    """A blind method; which estimate is which source is not known."""

    job: BlindJob

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`; what a mixture's method draws depends on its number alone."""
        draws = [generator(self.job.seed, "methods", item) for item in batch.items]
        seeds = [int(rng.integers(1 << 31)) for rng in draws]
        addends = separate_blindly(batch.mixtures, method=self.job.name, rate=self.job.rate, seeds=seeds)
        return np.asarray(addends / batch.weights[:, :, None])


def open_method(job: BlindJob, given: Given) -> Blind:  # noqa: ARG001 (it needs no file)
    """The blind method of `job`."""
    return Blind(job)
