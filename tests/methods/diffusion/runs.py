"""Runs of a solver on the sources of the oracles."""

from typing import Any

import torch
from torch import Tensor

from lass.methods.diffusion.denoising import Priors
from lass.methods.diffusion.solving import separate
from lass.methods.diffusion_settings import DiffusionMethod
from tests.methods.diffusion.oracles import generators


def estimate(
    priors: Priors,
    mixtures: Tensor,
    *,
    weights: Tensor | None = None,
    consistency: str | None = None,
    runs: int = 1,
    seed: int = 0,
    **solver: Any,
) -> Tensor:
    """Estimates [B, N, T] of `mixtures` by a solver; every weight is 1 unless `weights` [N] are given."""
    given = {"solver": solver, "runs": runs, "consistency": consistency}
    if weights is None:
        weights = torch.ones(len(priors.deviations), dtype=mixtures.dtype)
    return separate(
        priors,
        mixtures,
        weights=weights.expand(len(mixtures), -1),
        method=DiffusionMethod.model_validate(given),
        generators=generators(len(mixtures), seed),
    )
