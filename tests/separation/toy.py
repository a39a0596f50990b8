"""Toy problems of `tests.oracles` in the form that the decoder takes, and its answers as plain Python."""

import numpy as np
import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.loop import Hypotheses, Method, decode_sequences
from tests.oracles import Path, Problem, TablePrior, paths_of, tuples_of


def likelihood_of(problem: Problem) -> Likelihood:
    """The problem's dense table as the library keeps it."""
    tuples = [tuples_of(problem, code) for code in range(problem.codes)]
    lengths = [len(rows) for rows in tuples]
    flat = [(code, *z) for code, rows in enumerate(tuples) for z in rows]
    return Likelihood(
        offsets=torch.tensor([0, *np.cumsum(lengths)]),
        tuples=torch.tensor([entry[1:] for entry in flat], dtype=torch.uint16),
        log_likelihood=torch.tensor([problem.likelihood[entry] for entry in flat], dtype=torch.float32),
        codebook_size=problem.codes,
        sources=problem.sources,
    )


def decode(
    problem: Problem, method: Method, uniforms: Tensor | None = None, *, device: str = "cpu"
) -> Hypotheses:
    """Hypotheses for all mixtures of a problem in one batch, decoded on `device`."""
    found = decode_sequences(
        torch.from_numpy(problem.mixtures).to(device),
        priors=[TablePrior(tables, device=device) for tables in problem.conditionals],
        likelihood=likelihood_of(problem).to(device),
        method=method,
        uniforms=None if uniforms is None else uniforms.to(device),
    )
    return Hypotheses(found.codes.cpu(), found.scores.cpu(), found.log_weights.cpu())


def rows_of(hypotheses: Hypotheses, item: int) -> list[tuple[Path, float] | None]:
    """Sequence and score in every row of one mixture; None where there is no hypothesis."""
    scores = hypotheses.scores[item].tolist()
    paths = paths_of(hypotheses.codes[item])
    return [None if score == -torch.inf else (path, score) for path, score in zip(paths, scores, strict=True)]


def draw_uniforms(problem: Problem, width: int, *, seed: int) -> Tensor:
    """Numbers in [0, 1) [B, S, W]."""
    return torch.from_numpy(np.random.default_rng(seed).random((*problem.mixtures.shape, width)))
