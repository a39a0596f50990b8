"""Toy problems of `tests.oracles` in the form that the decoder takes, and its answers as plain Python."""

import numpy as np
import torch
from torch import Tensor

from lass.likelihood.tensor import Likelihood
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import CountedPositions
from lass.separation.settings import Ancestral, Beam, DecoderSettings, Greedy, Particle, TopK
from tests.oracles import Path, Problem, TablePrior, paths_of, tuples_of


def greedy(*, weight: float = 1.0) -> Greedy:
    """Settings of greedy search with lambda = `weight`."""
    return Greedy(kind="greedy", likelihood_weight=weight)


def beam(hypotheses: int, *, weight: float = 1.0) -> Beam:
    """Settings of beam search with lambda = `weight`."""
    return Beam(kind="beam", likelihood_weight=weight, hypotheses=hypotheses, kept=1)


def ancestral(hypotheses: int, *, weight: float = 1.0, temperature: float = 1.0) -> Ancestral:
    """Settings of ancestral sampling with lambda = `weight`."""
    return Ancestral(
        kind="ancestral",
        likelihood_weight=weight,
        hypotheses=hypotheses,
        kept=1,
        temperature=temperature,
    )


def top_k(hypotheses: int, k: int, *, weight: float = 1.0, temperature: float = 1.0) -> TopK:
    """Settings of top-k sampling with lambda = `weight`."""
    return TopK(
        kind="top_k",
        likelihood_weight=weight,
        hypotheses=hypotheses,
        kept=1,
        temperature=temperature,
        top_k=k,
    )


def particle(
    hypotheses: int,
    *,
    resampling: float = 0.5,
    weight: float = 1.0,
    temperature: float = 1.0,
    islands: int = 1,
) -> Particle:
    """Settings of the particle filter with lambda = `weight`."""
    return Particle(
        kind="particle",
        likelihood_weight=weight,
        hypotheses=hypotheses,
        kept=1,
        temperature=temperature,
        resampling=resampling,
        islands=islands,
    )


def kind_of(settings: DecoderSettings) -> str:
    """The name of a case of a test."""
    return settings.kind


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
    problem: Problem, settings: DecoderSettings, uniforms: Tensor | None = None, *, device: str = "cpu"
) -> Hypotheses:
    """Hypotheses for all mixtures of a problem in one batch, decoded on `device`."""
    mixture = torch.from_numpy(problem.mixtures).to(device)
    decoded = decode_sequences(
        CountedPositions(likelihood_of(problem).to(device), mixture),
        priors=[TablePrior(tables, device=device) for tables in problem.conditionals],
        decoder=open_decoder(settings),
        uniforms=None if uniforms is None else uniforms.to(device),
    )
    return Hypotheses(decoded.codes.cpu(), decoded.scores.cpu(), decoded.log_weights.cpu())


def rows_of(hypotheses: Hypotheses, item: int) -> list[tuple[Path, float] | None]:
    """Sequence and score in every row of one mixture; None where there is no hypothesis."""
    scores = hypotheses.scores[item].tolist()
    paths = paths_of(hypotheses.codes[item])
    return [None if score == -torch.inf else (path, score) for path, score in zip(paths, scores, strict=True)]


def draws_of(settings: DecoderSettings) -> int:
    """Uniform numbers that a position of one mixture takes."""
    return open_decoder(settings).draws


def draw_uniforms(problem: Problem, width: int, *, seed: int) -> Tensor:
    """Numbers in [0, 1) [B, S, W]."""
    return torch.from_numpy(np.random.default_rng(seed).random((*problem.mixtures.shape, width)))
