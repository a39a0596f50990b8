"""Answers by brute force, written from the description of the method alone.

A toy problem is small enough to list every sequence: K, S <= 4, N <= 3. Everything here is float64 and plain
loops over tuples; nothing is imported from the library. `TablePrior` is the one class that the decoder sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp, inf

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Tuple = tuple[int, ...]  # z_1..z_N of one position
Path = tuple[Tuple, ...]  # the tuples of positions 0, 1, ...


# --- toy problems ---


@dataclass(frozen=True)
class Problem:
    """N priors, a likelihood and the codes of some mixtures.

    `conditionals[n][s]` holds log p_n(z_s | z_0..z_{s-1}) as [K, ..., K] with s + 1 axes, the last one z_s;
    `likelihood` holds log p(m | z_1..z_N) as [K, K, ..., K], m first, -inf where a tuple was never counted.
    """

    conditionals: Sequence[Sequence[Floats]]
    likelihood: Floats
    mixtures: NDArray[np.int64]  # [B, S]

    @property
    def sources(self) -> int:
        """N."""
        return len(self.conditionals)

    @property
    def codes(self) -> int:
        """K."""
        return len(self.likelihood)


def condition(joint: Floats) -> list[Floats]:
    """log p(z_s | z_<s) for every s from the joint distribution [K] * S; -inf after an impossible prefix."""
    length = joint.ndim
    tables = []
    for position in range(length):
        marginal = joint.sum(axis=tuple(range(position + 1, length)))
        past = marginal.sum(axis=-1, keepdims=True)
        ratio = np.divide(marginal, past, out=np.zeros_like(marginal), where=past > 0)
        with np.errstate(divide="ignore"):
            tables.append(np.log(ratio))
    return tables


def draw_joint(rng: np.random.Generator, *, codes: int, length: int, zeros: float = 0.0) -> Floats:
    """A joint distribution over all sequences; a share `zeros` of them is impossible."""
    weights = rng.exponential(size=(codes,) * length) ** 2
    weights[rng.random(weights.shape) < zeros] = 0.0
    if not weights.any():
        weights.flat[0] = 1.0
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draw_likelihood(rng: np.random.Generator, *, sources: int, codes: int) -> Floats:
    """log p(m | z): slices from a single tuple to all of them, mixed at random."""
    counted = np.zeros((codes, codes**sources), dtype=bool)
    for row in counted:
        size = (
            rng.choice([1, 2, codes, codes**sources])
            if rng.random() < 0.7
            else rng.integers(1, codes**sources)
        )
        row[rng.permutation(codes**sources)[:size]] = True
    counts = np.where(counted, rng.integers(1, 1000, counted.shape), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.log(counts / counts.sum(axis=0))
    return np.where(counted, table, -inf).reshape((codes,) * (sources + 1))


def draw_problem(
    rng: np.random.Generator, *, sources: int, codes: int, length: int, batch: int = 1, zeros: float = 0.0
) -> Problem:
    """Unrelated priors, a likelihood with slices of all sizes, and mixtures of arbitrary codes."""
    joints = [draw_joint(rng, codes=codes, length=length, zeros=zeros) for _ in range(sources)]
    return Problem(
        conditionals=[condition(joint) for joint in joints],
        likelihood=draw_likelihood(rng, sources=sources, codes=codes),
        mixtures=rng.integers(codes, size=(batch, length)),
    )


def draw_tied_problem(
    rng: np.random.Generator, *, sources: int, codes: int, length: int, batch: int = 1, levels: int = 3
) -> Problem:
    """Log-probabilities that are few multiples of 1/4: sums are exact in float32, and ties abound."""

    def quarters(shape: tuple[int, ...]) -> Floats:
        return -rng.integers(levels, size=shape) / 4.0

    likelihood = draw_likelihood(rng, sources=sources, codes=codes)
    return Problem(
        conditionals=[[quarters((codes,) * (s + 1)) for s in range(length)] for _ in range(sources)],
        likelihood=np.where(likelihood > -inf, quarters(likelihood.shape), -inf),
        mixtures=rng.integers(codes, size=(batch, length)),
    )


def draw_sizes(rng: np.random.Generator, *, sources: int, sequences: int = 1 << 20) -> dict[str, int]:
    """N, K <= 4 and S <= 4 such that there are at most `sequences` sequences of tuples."""
    while True:
        codes, length = int(rng.integers(2, 5)), int(rng.integers(1, 5))
        if codes ** (sources * length) <= sequences:
            return {"sources": sources, "codes": codes, "length": length}


# --- the posterior ---


def tuples_of(problem: Problem, code: int) -> list[Tuple]:
    """The tuples counted with a mixture code, in ascending order."""
    every = product(range(problem.codes), repeat=problem.sources)
    return [z for z in every if problem.likelihood[(code, *z)] > -inf]


def step_score(problem: Problem, code: int, past: Path, z: Tuple, *, weight: float) -> float:
    """sum_n log p_n(z_n | past_n) + lambda * log p(m | z)."""
    prior = sum(
        problem.conditionals[n][len(past)][(*(earlier[n] for earlier in past), z[n])]
        for n in range(problem.sources)
    )
    return float(prior + weight * problem.likelihood[(code, *z)])


def path_score(problem: Problem, mixture: Sequence[int], path: Path, *, weight: float) -> float:
    """Log posterior of a whole sequence, up to a constant of the mixture."""
    return sum(
        step_score(problem, int(mixture[s]), path[:s], path[s], weight=weight) for s in range(len(path))
    )


def every_score(problem: Problem, mixture: Sequence[int], *, weight: float) -> dict[Path, float]:
    """The score of every possible sequence, in lexicographic order."""
    scores: dict[Path, float] = {(): 0.0}
    for code in mixture:
        longer: dict[Path, float] = {}
        for past, score in scores.items():
            for z in tuples_of(problem, int(code)):
                value = score + step_score(problem, int(code), past, z, weight=weight)
                if value > -inf:
                    longer[(*past, z)] = value
        scores = longer
    return scores


# --- the decoders ---


def greedy_path(problem: Problem, mixture: Sequence[int], *, weight: float) -> tuple[Path, float]:
    """The best tuple of every position given those before it; the earliest of equals."""
    path: Path = ()
    total = 0.0
    for code in mixture:
        options = tuples_of(problem, int(code))
        scores = [step_score(problem, int(code), path, z, weight=weight) for z in options]
        best = scores.index(max(scores))
        path, total = (*path, options[best]), total + scores[best]
    return path, total


def beam_rows(
    problem: Problem, mixture: Sequence[int], *, width: int, weight: float
) -> list[tuple[Path, float] | None]:
    """Beam search with plain lists; None where a row holds no hypothesis.

    Candidates rank by score, then by the lower row of their parent, then by the earlier tuple. The best child
    of a parent stays in the parent's row; the others, best first, take the lowest rows that are left.
    """
    rows: list[tuple[Path, float] | None] = [((), 0.0), *[None] * (width - 1)]
    for code in mixture:
        candidates: list[tuple[float, int, Tuple]] = []
        for parent, row in enumerate(rows):
            if row is None:
                continue
            for z in tuples_of(problem, int(code)):
                score = row[1] + step_score(problem, int(code), row[0], z, weight=weight)
                if score > -inf:
                    candidates.append((-score, parent, z))
        children = sorted(candidates)[:width]
        rows = place_children(rows, children)
    return rows


def place_children(
    rows: list[tuple[Path, float] | None], children: list[tuple[float, int, Tuple]]
) -> list[tuple[Path, float] | None]:
    """Give every child, best first, its row."""
    placed: list[tuple[Path, float] | None] = [None] * len(rows)
    others = []
    for cost, parent, z in children:
        before = rows[parent]
        assert before is not None
        child = ((*before[0], z), -cost)
        if placed[parent] is None:
            placed[parent] = child
        else:
            others.append(child)
    for child in others:
        placed[placed.index(None)] = child
    return placed


def step_distribution(scores: Sequence[float], *, temperature: float, top_k: int | None) -> list[float]:
    """Probabilities of a sampler's next tuple: softmax(scores / temperature) of the k best."""
    kept = sorted(scores, reverse=True)[:top_k]
    peak = kept[0]
    weights = [exp((s - peak) / temperature) if s >= kept[-1] and s > -inf else 0.0 for s in scores]
    total = sum(weights) or 1.0  # a dead end has no next tuple
    return [w / total for w in weights]


def sampling_distribution(
    problem: Problem,
    mixture: Sequence[int],
    *,
    weight: float,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> dict[Path, float]:
    """Probability of every sequence that a sampler can draw."""
    paths: dict[Path, float] = {(): 1.0}
    for code in mixture:
        longer: dict[Path, float] = {}
        for past, probability in paths.items():
            options = tuples_of(problem, int(code))
            scores = [step_score(problem, int(code), past, z, weight=weight) for z in options]
            shares = step_distribution(scores, temperature=temperature, top_k=top_k)
            longer |= {(*past, z): probability * p for z, p in zip(options, shares, strict=True) if p > 0}
        paths = longer
    return paths


# --- what the decoder sees ---


@dataclass
class TableState:
    """The prefixes of a batch, each as one number in base K."""

    prefixes: Tensor  # [batch] int64
    positions: int = 0


class TablePrior:
    """A prior that knows its distribution exactly.

    The answer for a row depends on every code that the row was fed, so a row that continues the wrong
    sequence gets the wrong probabilities.
    """

    def __init__(self, conditionals: Sequence[Floats], *, device: str = "cpu") -> None:
        self.codebook_size = conditionals[0].shape[-1]
        self.tables = [
            torch.from_numpy(t.reshape(-1, self.codebook_size)).float().to(device) for t in conditionals
        ]

    def start(self, batch: int, length: int, *, shared: int = 1) -> TableState:  # noqa: ARG002 (of the protocol)
        """`batch` empty prefixes."""
        assert length <= len(self.tables)
        return TableState(torch.zeros(batch, dtype=torch.int64, device=self.tables[0].device))

    def bytes_per_sequence(self, length: int) -> int:
        """A prefix, an answer and what is made on the way to them."""
        return int(8 * (length + 4 * self.codebook_size))

    def log_probs(self, previous: Tensor | None, state: TableState) -> Tensor:
        """The conditional [batch, K] of every row's prefix."""
        assert (previous is None) == (state.positions == 0)
        if previous is not None:
            assert previous.shape == state.prefixes.shape
            state.prefixes = state.prefixes * self.codebook_size + previous
        state.positions += 1
        return self.tables[state.positions - 1][state.prefixes]

    def reorder(self, state: TableState, rows: Tensor) -> None:
        """Row b continues what was row `rows[b]`; from now on there are as many as `rows` names."""
        state.prefixes = state.prefixes[rows]


def paths_of(codes: Tensor) -> Iterator[Path]:
    """Hypotheses [W, S, N] as paths."""
    for hypothesis in codes.tolist():
        yield tuple(tuple(z) for z in hypothesis)
