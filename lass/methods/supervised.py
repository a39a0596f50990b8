"""Networks that learnt to separate from true mixtures: the paper's baselines (Table 5) and latent blocks.

They saw mixtures and their sources while they were trained (`lass.models.separators`), which latent
autoregressive source separation does not need.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lass.data.mixtures import Batch
from lass.methods.protocol import Given, device_of, needed
from lass.methods.settings import SupervisedJob
from lass.models.separators import MixtureSeparator, read_separator


@dataclass(frozen=True, eq=False)
class Supervised:
    """A network that learnt to separate mixtures of the sources that it is given."""

    network: MixtureSeparator
    device: torch.device

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`."""
        mixtures, weights = (
            torch.from_numpy(part).to(self.device) for part in (batch.mixtures, batch.weights)
        )
        return separate(self.network, mixtures, weights=weights).cpu().numpy()


def open_method(job: SupervisedJob, given: Given) -> Supervised:
    """The network of `job`; ValueError, naming the file, for another one."""
    path = needed(given.network, "network")
    network = read_separator(path, name=job.name, classes=job.classes, rate=job.rate)
    device = device_of(given)
    return Supervised(network.to(device), device)


@torch.inference_mode()
def separate(network: MixtureSeparator, mixtures: Tensor, *, weights: Tensor) -> Tensor:
    """Estimates [B, N, T] of the sources x_n of mixtures y [B, T]; `weights` are alpha [B, N].

    The network sees one mixture at a time: a mixture's estimates do not depend on its neighbours, not even in
    how sums are rounded.
    """
    none = mixtures.new_empty(0, weights.shape[1], mixtures.shape[1])
    separated = torch.cat([none, *(network(mixture[None]) for mixture in mixtures)])
    return separated / weights[:, :, None]
