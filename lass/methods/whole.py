"""Latent autoregressive source separation in one go, from mixtures to estimates: what is timed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from lass.data.mixtures import Mixtures
from lass.methods.candidates import candidates_of, model_of
from lass.methods.protocol import Given, Method, device_of
from lass.methods.settings import DecodingJob, LatentJob
from lass.models.codec import open_codec
from lass.separation.settings import Measured

Separate = Callable[[Sequence[int]], np.ndarray]
"""From numbers of mixtures to their estimates [n, N, T]."""


def open_whole(
    decoding: DecodingJob,
    job: LatentJob,
    files: Mapping[str, str | Sequence[str]],
    mixtures: Mixtures,
    *,
    method_of: Callable[..., Method],
    given: Given,
    memory: Callable[[], int],
) -> Separate:
    """What decodes mixtures and makes estimates of the candidates.

    `files` by name: the codec, what else the two steps ask for, and the list of `priors`. `method_of` is
    `lass.methods.latent.latent_method`, whose family no other module imports. `given` says where and in which
    precision, `memory` what decoding may take, in bytes. Errors as of `method_of` and `candidates_of`.
    """
    single = {name: file for name, file in files.items() if isinstance(file, str)}
    codec = open_codec(Path(single["codec"]), job.codec, device=device_of(given), precision=given.precision)
    asked: dict[str, Any] = {"likelihood": single.get("likelihood"), "priors": files.get("priors", [])}
    model = model_of(decoding, codec=codec, **asked)
    measured: dict[Measured, Path] = {
        name: Path(single[name]) for name in get_args(Measured) if name in single
    }

    def separate(numbers: Sequence[int]) -> np.ndarray:
        found = dict(
            candidates_of(mixtures, numbers, model=model, job=decoding, memory=memory, measured=measured)
        )
        method = method_of(job, codec=codec, candidates=found, residual=measured.get("residual"))
        return method.separate(mixtures.load(numbers))

    return separate
