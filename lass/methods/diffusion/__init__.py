"""Diffusion priors: every class of sources has a denoiser, and a solver parts the mixture by them.

No mixture is seen in training, and any number of sources with any weights is served by the same denoisers.
From the settings to the estimates: `solving`; the solvers: `ode` (with `guidance`), `ancestral`, `proximal`,
`langevin`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lass.compute.seeds import generator
from lass.data.mixtures import Batch
from lass.methods.diffusion.networks import Told, priors_of
from lass.methods.diffusion.solving import separate
from lass.methods.protocol import Given, device_of, needed
from lass.methods.settings import DiffusionJob
from lass.models.diffusion import DenoiserNetwork, read_denoiser

BLOCK = 8
"""Mixtures that networks see together, the last of fewer again and again: products of few rows are rounded
otherwise than those of many, and estimates would depend on a mixture's neighbours."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    """A solver, and the denoiser of every class."""

    job: DiffusionJob
    networks: Mapping[str, Told]  # by class
    device: torch.device
    padded: bool = True  # blocks are filled, so that estimates depend on no neighbour, not in the last bit

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`; a mixture's estimates depend on itself and its number alone."""
        estimates = np.zeros(batch.sources.shape, dtype=np.float32)
        alike: dict[tuple[tuple[int, int | None], ...], list[int]] = {}
        for row, classes in enumerate(batch.classes):
            alike.setdefault(tuple(self.networks[name].key for name in classes), []).append(row)
        for rows in alike.values():
            for begin in range(0, len(rows), BLOCK):
                block = rows[begin : begin + BLOCK]
                estimates[block] = self.separate_block(batch, block)
        return estimates

    def separate_block(self, batch: Batch, rows: list[int]) -> np.ndarray:
        """Estimates [R, N, T] of at most `BLOCK` mixtures: `rows` of `batch` with the same denoisers."""
        filled = [*rows, *[rows[-1]] * (BLOCK - len(rows) if self.padded else 0)]
        mixtures, weights = (
            torch.from_numpy(part[filled]).to(self.device) for part in (batch.mixtures, batch.weights)
        )
        found = separate(
            priors_of([self.networks[name] for name in batch.classes[rows[0]]]),
            mixtures,
            weights=weights,
            method=self.job.method,
            bounds=self.job.bounds,
            generators=[generator(self.job.seed, "methods", batch.items[row]) for row in filled],
        )
        return found[: len(rows)].cpu().numpy()


def open_method(job: DiffusionJob, given: Given) -> Diffusion:
    """The method of `job`; ValueError where a denoiser is not given, or is of other classes."""
    device = device_of(given)
    opened: dict[str, DenoiserNetwork] = {}
    told: dict[str, Told] = {}
    for prior in job.priors:
        if prior.prior not in opened:
            path = needed(given.denoisers.get(prior.prior), f"denoiser {prior.prior}")
            conditional = prior.conditional and len(prior.classes) > 1
            network = read_denoiser(path, classes=prior.classes, conditional=conditional, data=job.data)
            opened[prior.prior] = network.to(device)
        network = opened[prior.prior]
        index = prior.classes.index(prior.source) if network.shape.classes else None
        told[prior.source] = Told(network, index)
    return Diffusion(job, told, device)
