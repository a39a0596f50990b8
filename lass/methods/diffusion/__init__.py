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
from lass.methods.protocol import Given, needed
from lass.methods.settings import DiffusionJob
from lass.models.diffusion import DenoiserNetwork, read_denoiser


@dataclass(frozen=True, eq=False)
class Diffusion:
    """A solver, and the denoiser of every class."""

    job: DiffusionJob
    networks: Mapping[str, Told]  # by class
    device: torch.device

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`; what is drawn for a mixture depends on its number alone."""
        estimates = np.zeros(batch.sources.shape, dtype=np.float32)
        for classes in sorted(set(map(tuple, batch.classes))):
            rows = [row for row, its in enumerate(batch.classes) if tuple(its) == classes]
            mixtures, weights = (
                torch.from_numpy(part[rows]).to(self.device) for part in (batch.mixtures, batch.weights)
            )
            found = separate(
                priors_of([self.networks[name] for name in classes]),
                mixtures,
                weights=weights,
                method=self.job.method,
                bounds=self.job.bounds,
                generators=[generator(self.job.seed, "methods", batch.items[row]) for row in rows],
            )
            estimates[rows] = found.cpu().numpy()
        return estimates


def open_method(job: DiffusionJob, given: Given) -> Diffusion:
    """The method of `job`; ValueError where a denoiser is not given, or is of other classes."""
    opened: dict[str, DenoiserNetwork] = {}
    told: dict[str, Told] = {}
    for prior in job.priors:
        if prior.prior not in opened:
            path = needed(given.denoisers.get(prior.prior), f"denoiser {prior.prior}")
            conditional = prior.conditional and len(prior.classes) > 1
            network = read_denoiser(path, classes=prior.classes, conditional=conditional)
            opened[prior.prior] = network.to(given.device)
        network = opened[prior.prior]
        index = prior.classes.index(prior.source) if network.shape.classes else None
        told[prior.source] = Told(network, index)
    return Diffusion(job, told, given.device)
