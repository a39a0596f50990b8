"""What makes estimates of candidates: its settings, and the candidates from their file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lass.assembly.codecs import CodecAt
from lass.likelihood.residual import read_residual
from lass.separation.estimation.candidates import Candidates
from lass.separation.estimation.estimates import Finish, Synthesis
from lass.separation.estimation.masks import Mask
from lass.separation.estimation.refinement import Refinement
from lass.tokens import read_candidates


def open_finish(settings: Mapping[str, Any]) -> Finish:
    """The settings of `Finish`; `refinement` holds those of `Refinement` or None, `mask` may be missing."""
    refinement, mask = settings["refinement"], settings.get("mask")
    parts = {"refinement": refinement and Refinement(**refinement), "mask": mask and Mask(**mask)}
    return Finish(**{**settings, **parts})


def open_synthesis(
    codec: CodecAt,
    *,
    weights: Sequence[float],
    bounds: tuple[float, float],
    residual: str | None,
    classes: Sequence[str],
    strength: float | None,
) -> Synthesis:
    """What makes estimates of codes; `residual` is the file with what the codec loses, where a finish asks.

    Its variances then count `strength` frames of their class's mean beside their own.
    """
    variance = None
    if residual is not None:
        sums = read_residual(Path(residual), classes=classes, codebook=codec.vqvae.quantizer.identity)
        variance = sums.variance(strength=strength or 0.0).to(codec.device)
    alpha = torch.tensor(weights, dtype=torch.float32, device=codec.device)
    return Synthesis(codec, alpha, bounds, variance)


def read_kept(path: Path, *, codec: CodecAt) -> dict[int, Candidates]:
    """The candidates of every mixture in a file by `lass.tokens.write_candidates`, on the codec's device."""
    stored = read_candidates([path], codebook=codec.vqvae.quantizer.identity)
    return {
        item: Candidates(
            codes=torch.tensor(found["codes"], device=codec.device),
            log_posterior=torch.tensor(found["log_posterior"], device=codec.device),
            remix_distance=torch.tensor(found["remix_distance"], dtype=torch.float32, device=codec.device),
            uncounted=found["uncounted"],
        )
        for item, found in stored.items()
    }
