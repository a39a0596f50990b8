"""The kernel of beam search against plain sorting and the oracle: on a GPU, or in Triton's interpreter."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.likelihood.tensor import RaggedSlices
from lass.separation import beam
from lass.separation.decoding import Method
from lass.separation.posterior import joint_log_posteriors
from tests.oracles import beam_rows, draw_problem, draw_sizes, draw_tied_problem
from tests.separation.toy import decode, rows_of

kernels = pytest.importorskip("lass.separation.kernels", reason="Triton is for Linux only")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ROOT = Path(__file__).parents[2]


def random_step(
    rng: np.random.Generator, *, sources: int, sizes: list[int], width: int, levels: int = 0
) -> tuple[list[Tensor], RaggedSlices]:
    """Log-probabilities [B, W, 8] and slices of `sizes`; of `levels` different values, or of any."""
    codes = 8

    def numbers(*shape: int) -> Tensor:
        values = rng.integers(-levels, 1, shape) / 4 if levels else rng.normal(size=shape)
        return torch.tensor(values, dtype=torch.float32, device=DEVICE)

    tables = [numbers(len(sizes), width, codes) for _ in range(sources)]
    tables[0][rng.random((len(sizes), width)) < 0.2] = -torch.inf  # hypotheses that do not exist
    rows = [np.sort(rng.choice(codes**sources, size, replace=False)) for size in sizes]
    tuples = np.stack(np.unravel_index(np.concatenate(rows), (codes,) * sources), axis=1)
    offsets = torch.tensor([0, *np.cumsum(sizes)], device=DEVICE)
    return tables, RaggedSlices(torch.from_numpy(tuples).to(DEVICE), numbers(sum(sizes)), offsets)


def expected(scores: Tensor, kept: int) -> tuple[list[int], float]:
    """Places of the `kept` best tuples by their best row of `scores` [W, n], and the best of the others."""
    best = scores.amax(dim=0).tolist()
    order = sorted(range(len(best)), key=lambda place: (-best[place], place))
    places = order[:kept] + [-1] * (kept - len(best))
    return places, best[order[kept]] if len(best) > kept else -np.inf


@pytest.mark.parametrize("levels", [0, 3], ids=["distinct", "tied"])
@pytest.mark.parametrize(("sources", "largest"), [(2, 64), (3, 100)])
def test_the_best_tuples_of_ragged_slices(
    sources: int, largest: int, levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices of one tuple and of many tiles stand side by side."""
    monkeypatch.setattr(kernels, "TILE", 32)
    rng = np.random.default_rng(sources + levels)
    for _ in range(6):
        sizes = [int(rng.integers(1, largest)), 1, largest]
        width, most = int(rng.integers(1, 6)), int(rng.integers(1, 20))
        tables, slices = random_step(rng, sources=sources, sizes=sizes, width=width, levels=levels)
        near, beyond = kernels.likely_tuples(tables, slices, 2.0, most=most)
        assert most <= near.shape[1] <= 2 * most
        every = joint_log_posteriors(tables, slices, likelihood_weight=2.0)
        for row, scores in enumerate(every):
            places, others = expected(scores, near.shape[1])
            assert near[row].tolist() == places
            assert beyond[row].item() == others


@pytest.mark.parametrize("sources", [2, 3])
def test_beams_are_those_of_plain_lists(sources: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "TILE", 16)
    rng = np.random.default_rng(40 + sources)
    for draw, tolerance in (
        (draw_problem, 1e-4),
        (partial(draw_tied_problem, levels=2), 0.0),
    ):
        for _ in range(12):
            problem = draw(rng, **draw_sizes(rng, sources=sources), batch=2)
            width = int(rng.integers(1, 9))
            with monkeypatch.context() as patch:
                patch.setattr(beam, "likely_tuples", partial(kernels.likely_tuples, most=width))
                hypotheses = decode(problem, Method("beam", hypotheses=width), device=DEVICE)
            for item, mixture in enumerate(problem.mixtures):
                wanted = beam_rows(problem, mixture, width=width, weight=1.0)
                found = rows_of(hypotheses, item)
                assert [row and row[0] for row in found] == [row and row[0] for row in wanted]
                for row, other in zip(found, wanted, strict=True):
                    assert row is None or other is None or abs(row[1] - other[1]) <= tolerance


COMPILED = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lass.separation.kernels import tile_winners

types = {"tables": "*fp32", "tuples": "*i64", "evidence": "*fp32", "offsets": "*i64", "winners": "*i64"}
source = ASTSource(
    tile_winners,
    signature=types | {"SIZES": "constexpr"},
    constexprs={(tile_winners.arg_names.index("SIZES"),): tuple(map(int, sys.argv[2:]))},
)
made = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32))
print(len(made.asm["cubin"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capability", "sizes"), [(80, (2, 10, 2048, 1024, 16)), (90, (3, 100, 512, 1024, 128))]
)
def test_the_kernel_compiles_for_a_gpu_that_is_not_there(
    capability: int, sizes: tuple[int, ...], tmp_path: Path
) -> None:
    """The interpreter forgives what a compiler does not: A100 and H100."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, str(capability), *map(str, sizes)],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000
