"""Beam search by kernels against the oracle: on a GPU, or in Triton's interpreter."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lass.separation.decoding import kernel_search
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.kernel_search import search_by_kernels
from lass.separation.decoding.state import Hypotheses
from lass.separation.decoding.support import CountedPositions, FramePositions
from lass.separation.settings import Beam, Greedy
from tests.oracles import Problem, TablePrior, beam_rows, draw_problem, draw_sizes, draw_tied_problem
from tests.separation.toy import ancestral, beam, decode, greedy, likelihood_of, particle, rows_of

kernels = pytest.importorskip("lass.separation.decoding.kernels", reason="Triton is for Linux only")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PROBLEMS = 6 if DEVICE == "cuda" else 2  # of each kind: the interpreter is a thousand times slower
SEQUENCES = 1 << 20 if DEVICE == "cuda" else 1 << 12  # of tuples, at most
ROOT = Path(__file__).parents[2]


def open_beams(problem: Problem, settings: Greedy | Beam) -> Any:
    """The beams of all mixtures of a problem."""
    return kernels.Beams(
        torch.from_numpy(problem.mixtures).to(DEVICE),
        likelihood_of(problem).to(DEVICE),
        width=settings.hypotheses,
        likelihood_weight=settings.likelihood_weight,
    )


def search(problem: Problem, settings: Greedy | Beam) -> Hypotheses:
    """Hypotheses for all mixtures of a problem, by kernels."""
    priors = [TablePrior(tables, device=DEVICE) for tables in problem.conditionals]
    found = search_by_kernels(open_beams(problem, settings), priors)
    return Hypotheses(found.codes.cpu(), found.scores.cpu(), found.log_weights.cpu())


@pytest.mark.parametrize("at_once", [4096, 8], ids=["one_look", "two_looks"])
@pytest.mark.parametrize("sources", [2, 3])
def test_beams_are_those_of_plain_lists(sources: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one tuple and of many tiles, fewer tuples than beams, and scores that are tied."""
    monkeypatch.setattr(kernels, "TILE", 8)
    monkeypatch.setattr(kernels, "AT_ONCE", at_once)
    rng = np.random.default_rng(40 + sources + at_once)
    for draw, tolerance in (
        (draw_problem, 1e-4),
        (partial(draw_problem, zeros=0.4), 1e-4),
        (partial(draw_tied_problem, levels=2), 0.0),
    ):
        for _ in range(PROBLEMS):
            problem = draw(rng, **draw_sizes(rng, sources=sources, sequences=SEQUENCES), batch=2)
            width = int(rng.integers(1, 9))
            hypotheses = search(problem, beam(width, weight=2.0))
            for item, mixture in enumerate(problem.mixtures):
                wanted = beam_rows(problem, mixture, width=width, weight=2.0)
                found = rows_of(hypotheses, item)
                assert [row and row[0] for row in found] == [row and row[0] for row in wanted]
                for row, other in zip(found, wanted, strict=True):
                    assert row is None or other is None or abs(row[1] - other[1]) <= tolerance


def test_every_row_is_that_of_the_search_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without a hypothesis, which the priors rule out, and mixtures without one, too."""
    monkeypatch.setattr(kernels, "TILE", 8)
    rng = np.random.default_rng(7)
    rows, mixtures = 0, 0
    for settings in (greedy(), beam(6)):
        for draw in (partial(draw_tied_problem, levels=3), partial(draw_problem, zeros=0.6)):
            for _ in range(PROBLEMS):
                problem = draw(rng, **draw_sizes(rng, sources=2, sequences=SEQUENCES), batch=3)
                found, expected = search(problem, settings), decode(problem, settings)
                assert torch.equal(found.codes, expected.codes)
                torch.testing.assert_close(found.scores, expected.scores, rtol=0.0, atol=1e-5)
                absent = expected.scores == -torch.inf
                rows, mixtures = rows + int(absent.sum()), mixtures + int(absent.all(dim=1).sum())
    assert mixtures > 0
    assert rows > 6 * mixtures, "rows of mixtures that have others"


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_a_prior_that_gives_nan_is_refused() -> None:
    problem = draw_problem(
        np.random.default_rng(0), **draw_sizes(np.random.default_rng(0), sources=2), batch=2
    )
    prior = TablePrior(problem.conditionals[0], device=DEVICE)
    given = prior.log_probs
    prior.log_probs = lambda previous, state: given(previous, state) * torch.nan  # type: ignore[method-assign]
    priors = [prior, TablePrior(problem.conditionals[1], device=DEVICE)]
    beams = open_beams(problem, beam(2))
    with pytest.raises(ValueError, match="NaN at position 0: train it anew"):
        search_by_kernels(beams, priors)


def test_the_loop_takes_the_kernels_where_they_suit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of a table of counts, but neither draws nor the likelihood of frames."""
    problem = draw_problem(np.random.default_rng(3), sources=2, codes=4, length=3, batch=2)
    frames = FramePositions(torch.from_numpy(problem.likelihood[problem.mixtures]).float())
    counts = CountedPositions(likelihood_of(problem), torch.from_numpy(problem.mixtures))
    expected = decode(problem, beam(3), device=DEVICE)
    opened: list[object] = []
    original = kernels.Beams

    def noted(*arguments: Any, **settings: Any) -> Any:
        opened.append(arguments)
        return original(*arguments, **settings)

    monkeypatch.setattr(kernel_search, "kernels_suit", lambda *_, **__: True)
    monkeypatch.setattr(kernels, "Beams", noted)
    found = decode(problem, beam(3), device=DEVICE)
    assert len(opened) == 1
    assert torch.equal(found.codes, expected.codes)
    torch.testing.assert_close(found.scores, expected.scores, rtol=0.0, atol=1e-5)
    assert open_decoder(beam(3)).beams(frames) is None
    assert open_decoder(ancestral(3)).beams(counts) is None
    assert open_decoder(particle(3, resampling=0.5)).beams(counts) is None
    assert len(opened) == 1


def test_what_the_kernels_can_tell_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = draw_problem(
        np.random.default_rng(1), **draw_sizes(np.random.default_rng(1), sources=2), batch=2
    )
    likelihood, mixture = likelihood_of(problem), torch.from_numpy(problem.mixtures)
    longest = int(likelihood.offsets.diff()[mixture].max())
    assert kernels.fits(mixture, likelihood, width=kernels.WIDEST)
    assert not kernels.fits(mixture, likelihood, width=kernels.WIDEST + 1)
    monkeypatch.setattr(kernels, "PLACES", 10 * longest)
    assert kernels.fits(mixture, likelihood, width=9)
    assert not kernels.fits(mixture, likelihood, width=10)


COMPILED = """
import sys

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction


class Absent:
    # a GPU that is not there, for which kernels are compiled all the same
    def get_current_device(self): return 0
    def get_current_stream(self, device=0): return 0
    def get_current_target(self): return GPUTarget("cuda", int(sys.argv[1]), 32)


def compile_only(kernel, grid):
    def launch(*arguments, **sizes):
        made = kernel.warmup(*arguments, grid=grid, **sizes)
        print(kernel.__name__, len(made.asm["cubin"]))
    return launch


driver.set_active(Absent())
JITFunction.__getitem__ = compile_only

from benchmarks.problems import RandomSizes, random_problem
from lass.separation.decoding.kernels import Beams

codes, width, heads, hypotheses, sources = map(int, sys.argv[2].split(","))
sizes = RandomSizes(codes=codes, entries=200, length=90, layers=1, width=width, heads=heads, sources=sources)
problem = random_problem(sizes, mixtures=2, seed=0).to("cpu", sys.argv[3])
prior = problem.priors[0]
prior.log_probs(None, prior.recorded(2 * hypotheses, 90, shared=hypotheses))
beams = Beams(problem.mixture, problem.likelihood, width=hypotheses, likelihood_weight=2.0)
beams.extend(torch.zeros(sources, 2, hypotheses, codes), 0)
beams.traced()
"""
NAMES = [
    "rotate_and_store",
    "attend_tiles",
    "attend_tiles",
    "join_tiles",
    "tile_winners",
    "choose_continuations",
    "trace_back",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capability", "sizes", "precision"),
    [(80, "512,256,2,10,2", "float32"), (90, "64,1024,1,10,2", "bfloat16"), (90, "16,96,3,32,3", "float32")],
)
def test_kernels_compile_for_a_gpu_that_is_not_there(
    capability: int, sizes: str, precision: str, tmp_path: Path
) -> None:
    """The interpreter forgives what a compiler does not: A100 and H100."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, str(capability), sizes, precision],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == NAMES
    assert all(int(size) > 0 for _, size in lines)
