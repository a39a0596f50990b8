"""Latent autoregressive source separation as a method: estimates of the candidates that a decoder left.

Candidates are drawn once per decoder (`lass.methods.candidates`) and shared by the methods that name it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lass.data.mixtures import Batch
from lass.likelihood.residual import read_residual
from lass.methods.protocol import Given, device_of, needed
from lass.methods.settings import LatentJob
from lass.models.codec import CodecAt, open_codec
from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.estimates import SourceLabels, Synthesis, estimate_sources
from lass.separation.settings import Estimation
from lass.tokens import read_candidates


@dataclass(frozen=True, eq=False)
class Latent:
    """Makes estimates of cached candidates."""

    candidates: Mapping[int, Candidates]  # of every mixture that may be asked for, by its number
    estimation: Estimation
    synthesis: Synthesis
    classes: list[str]  # in the order of the synthesis' variances
    labels: Mapping[str, str]  # class -> label
    device: torch.device

    def separate(self, batch: Batch) -> np.ndarray:
        """As `lass.methods.protocol.Method`."""
        estimates = estimate_sources(
            [self.candidates[item] for item in batch.items],
            torch.from_numpy(batch.mixtures).to(self.device),
            estimation=self.estimation,
            synthesis=self.synthesis,
            sources=[self.labelled(classes) for classes in batch.classes],
        )
        return estimates.cpu().numpy()

    def labelled(self, classes: list[str]) -> SourceLabels:
        """The sources of one mixture by label, and where their classes stand in the variances."""
        return SourceLabels(
            labels=tuple(self.labels[name] for name in classes),
            classes=tuple(self.classes.index(name) for name in classes),
        )


def open_method(job: LatentJob, given: Given) -> Latent:
    """The method of `job`; ValueError, naming the file, where its parts do not belong together."""
    path = needed(given.codec, "codec")
    codec = open_codec(path, job.codec, device=device_of(given), precision=given.precision)
    kept = read_kept(needed(given.candidates, "candidates"), codec=codec)
    return latent_method(job, codec=codec, candidates=kept, residual=given.residual)


def latent_method(
    job: LatentJob, *, codec: CodecAt, candidates: Mapping[int, Candidates], residual: Path | None
) -> Latent:
    """The method of `job` on candidates that are at hand; errors as of `open_method`."""
    variance = None
    if job.strength is not None:
        path = needed(residual, "variances of what the codec loses")
        sums = read_residual(path, classes=job.classes, codebook=codec.identity)
        variance = sums.variance(strength=job.strength).to(codec.device)
    weights = torch.tensor(job.weights, dtype=torch.float32, device=codec.device)
    synthesis = Synthesis(codec, weights, job.bounds or (-np.inf, np.inf), variance, codec.image)
    return Latent(candidates, job.estimation, synthesis, job.classes, job.labels, codec.device)


def read_kept(path: Path, *, codec: CodecAt) -> dict[int, Candidates]:
    """The candidates of every mixture in a file by `lass.tokens.write_candidates`, on the codec's device."""
    stored = read_candidates([path], codebook=codec.identity)
    return {
        item: Candidates(
            codes=torch.tensor(kept["codes"], device=codec.device),
            log_posterior=torch.tensor(kept["log_posterior"], device=codec.device),
            remix_distance=torch.tensor(kept["remix_distance"], dtype=torch.float32, device=codec.device),
            uncounted=kept["uncounted"],
            offsets=torch.tensor(kept["offsets"], device=codec.device),
        )
        for item, kept in stored.items()
    }
