"""What makes estimates of candidates: its settings, and the candidates from their file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lass.assembly.codecs import CodecAt
from lass.separation.candidates import Candidates
from lass.separation.estimation import Finish
from lass.separation.refinement import Refinement
from lass.tokens import read_candidates


def open_finish(settings: Mapping[str, Any]) -> Finish:
    """The settings of `Finish`, in which `refinement` holds those of `Refinement` or is None."""
    refinement = settings["refinement"]
    return Finish(**{**settings, "refinement": refinement and Refinement(**refinement)})


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
