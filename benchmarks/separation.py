"""Speed and memory of decoding, against the published algorithm and as the problem grows.

Reads the tables and mixtures of a finished run: snakemake makes them for
`results/slakh/mixtures/test.parquet`, and for mnist, whose table does not come with the repository, that
and `results/mnist/likelihood.safetensors`; a data set that is not there is left out. Every row runs in a
process of its own. Times are wall-clock seconds of decoding alone, tokens in and tokens out, after a
rehearsal on a few positions (on a GPU on all); memory is the peak resident set beyond what the process
held before. The rows `plain` run the published algorithm on some of the same mixtures with the same
priors, table and random numbers; `same_hypotheses` is the share of its hypotheses that the engine finds
too.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.counting import described, hardware, write_rows
from benchmarks.memory import watched, watched_on_gpu
from benchmarks.plain import draw_candidates, search_beams
from benchmarks.problems import (
    Problem,
    RandomSizes,
    needed_files,
    open_problem,
    open_run,
    random_problem,
    run_parser,
)
from lass.compute.devices import choose_precision
from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.evaluation.separations import spread_items
from lass.models.transformer import TransformerPrior
from lass.separation.decoding.decoders import open_decoder
from lass.separation.decoding.loop import decode_sequences
from lass.separation.decoding.support import CountedPositions
from lass.separation.settings import Ancestral, Beam, DecoderSettings, TopK

SEED = 0
SETTINGS = ("hypotheses", "likelihood_weight", "temperature", "top_k", "resampling")  # columns
REHEARSED = 8  # positions
COLUMNS = "{:40} {:7} {:>5} {:>9} {:>7} {:>6} {:>6} {:>6}"
HEAD = COLUMNS.format("case", "version", "batch", "s/mixture", "outside", "MiB", "speed", "same")


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    decoder: DecoderSettings
    batch: int  # mixtures decoded at once
    mixtures: int
    among: int | None = None  # they are taken evenly from so many; None: they are all
    version: str = "engine"  # or plain
    precision: str = "float32"
    device: str = "cpu"  # or cuda
    dataset: str = "random"  # or the name of one of the configuration
    sizes: RandomSizes = field(default_factory=RandomSizes)  # of random problems


class TimedPrior:
    """A prior that adds up the time its forward passes take."""

    def __init__(self, prior: TransformerPrior) -> None:
        self.prior, self.codebook_size = prior, prior.codebook_size
        self.watch = GpuWatch() if prior.network.embed.weight.is_cuda else CpuWatch()

    def start(self, batch: int, length: int, *, shared: int = 1) -> Any:
        return self.prior.start(batch, length, shared=shared)

    def bytes_per_sequence(self, length: int) -> int:
        return self.prior.bytes_per_sequence(length)

    def log_probs(self, previous: Tensor | None, state: Any) -> Tensor:
        return self.watch.timed(lambda: self.prior.log_probs(previous, state))

    def reorder(self, state: Any, rows: Tensor) -> None:
        self.prior.reorder(state, rows)


class CpuWatch:
    """Adds up the time that some work takes."""

    def __init__(self) -> None:
        self.total = 0.0

    def timed(self, work: Callable[[], Tensor]) -> Tensor:
        began = time.perf_counter()
        found = work()
        self.total += time.perf_counter() - began
        return found

    def seconds(self) -> float:
        return self.total


class GpuWatch:
    """The same on a GPU, by marks in its queue of work: nobody waits."""

    def __init__(self) -> None:
        self.marks: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def timed(self, work: Callable[[], Tensor]) -> Tensor:
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        found = work()
        ended.record()
        self.marks.append((began, ended))
        return found

    def seconds(self) -> float:
        torch.cuda.synchronize()
        return float(sum(began.elapsed_time(ended) for began, ended in self.marks)) / 1000


@dataclass(frozen=True)
class Result:
    """What one process measured."""

    seconds: float  # of all mixtures
    inside: float  # of them in the priors
    peak_mib: float
    entries: float  # mean tuples of a position's slice
    codes: np.ndarray  # [M, W, S, N]


def uniforms(draws: int, length: int, items: Sequence[int], *, device: str = "cpu") -> Tensor:
    """Numbers [B, S, draws] of the mixtures `items` on `device`."""
    shape = (length, draws)
    numbers = np.stack([np.random.default_rng((SEED, item)).random(shape) for item in items])
    return torch.from_numpy(numbers).to(device)


def run_engine(problem: Problem, case: Case, priors: Sequence[TimedPrior], items: Sequence[int]) -> Tensor:
    """Hypotheses [M, W, S, N] of the mixtures `items`, `case.batch` at a time."""
    found, decoder = [], open_decoder(case.decoder)
    for together in torch.tensor(items).split(case.batch):
        mixture = problem.mixture[together]
        decoded = decode_sequences(
            CountedPositions(problem.likelihood, mixture),
            priors=priors,
            decoder=decoder,
            uniforms=uniforms(decoder.draws, mixture.shape[1], together.tolist(), device=case.device),
        )
        found.append(decoded.codes)
    return torch.cat(found)


def run_plain(problem: Problem, case: Case, priors: Sequence[TimedPrior], items: Sequence[int]) -> Tensor:
    """The same by the published algorithm, mixture by mixture."""
    found = []
    settings, draws = case.decoder, open_decoder(case.decoder).draws
    best = settings.top_k if isinstance(settings, TopK) else None
    for item in items:
        mixture = problem.mixture[item]
        parts: dict[str, Any] = {
            "priors": problem.priors,
            "likelihood": problem.likelihood,
            "likelihood_weight": settings.likelihood_weight,
            "timed": priors[0].watch.timed,
        }
        if draws == 0:
            found.append(search_beams(mixture, width=settings.hypotheses, **parts)[0])
        else:
            (numbers,) = uniforms(draws, len(mixture), [item], device=case.device)
            found.append(draw_candidates(mixture, numbers, top_k=best, **parts))
    return torch.stack(found)


def measure(case: Case, results: Path, config: Path) -> Result:
    """Decode the mixtures of a case; meant for a fresh process."""
    opened = case.among or case.mixtures
    if case.dataset == "random":
        problem = random_problem(case.sizes, mixtures=opened, seed=SEED, device=case.device)
    else:
        problem = open_problem(open_run(case.dataset, results=results, config=config), mixtures=opened)
    problem = problem.to(case.device, case.precision)
    items = spread_items(len(problem.mixture), case.mixtures)
    run = run_engine if case.version == "engine" else run_plain
    few = problem.mixture.shape[1] if case.device == "cuda" else REHEARSED  # all of its kernels are built
    rehearsal = replace(problem, mixture=problem.mixture[:, :few])
    run(rehearsal, case, timed_priors(problem), items[: case.batch])
    priors = timed_priors(problem)
    watch = watched if case.device == "cpu" else watched_on_gpu
    codes, seconds, mib = watch(lambda: run(problem, case, priors, items))
    return Result(
        seconds=seconds,
        inside=sum(prior.watch.seconds() for prior in dict.fromkeys(priors)),
        peak_mib=mib,
        entries=float(problem.likelihood.offsets.diff()[problem.mixture[items]].float().mean()),
        codes=codes.cpu().numpy().astype(np.uint16),
    )


def timed_priors(problem: Problem) -> list[TimedPrior]:
    """The problem's priors with watches that stand at 0."""
    wrapped = {id(prior): TimedPrior(prior) for prior in problem.priors}
    return [wrapped[id(prior)] for prior in problem.priors]


def measure_apart(case: Case, results: Path, config: Path) -> Result:
    """The same in a fresh process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, case, results, config).result()


def plain_case(engine: Case, *, mixtures: int) -> Case:
    """The published algorithm on some of the mixtures of `engine`, evenly from the first to the last."""
    return replace(engine, version="plain", batch=1, mixtures=mixtures, among=engine.mixtures)


def published_cases(dataset: str, *, music: int, plain: int) -> list[list[Case]]:
    """Groups of cases whose first is the published algorithm that the others are compared with.

    `dataset` is the name of the data set of music; MNIST is `mnist`.
    """
    beam = Beam(kind="beam", hypotheses=10, kept=1, likelihood_weight=8.0)
    engine = Case("music, beam search, W = 10", beam, music, music, dataset=dataset)
    top_k = TopK(kind="top_k", hypotheses=512, kept=1, likelihood_weight=2.0, top_k=64)
    ancestral = Ancestral(kind="ancestral", hypotheses=100, kept=1, likelihood_weight=8.0)
    images = Case("MNIST, top-k, W = 512", top_k, 8, 16, dataset="mnist")
    return [
        [plain_case(engine, mixtures=plain), *in_native_precisions(engine)],
        [Case("music, ancestral, W = 100", ancestral, 4, 8, dataset=dataset)],
        [plain_case(images, mixtures=1), *in_native_precisions(images)],
    ]


def in_native_precisions(case: Case) -> list[Case]:
    """The case in float32, and in bfloat16 where the hardware multiplies it natively and not by emulation."""
    chosen = choose_precision("auto", torch.device(case.device))
    return [case] if chosen == case.precision else [case, replace(case, precision=chosen)]


def growing_cases(*, length: int) -> list[Case]:
    """One size grows at a time: mixtures at once, hypotheses, codes, tuples of a slice, sources."""
    beam = Beam(kind="beam", hypotheses=10, kept=1, likelihood_weight=1.0)
    start = Case("", beam, 16, 16, sizes=RandomSizes(length=length))
    sizes = start.sizes
    return [
        *(replace(start, name=f"batch = {b}", batch=b, mixtures=max(4, b)) for b in (1, 4, 16, 64)),
        *(
            replace(start, name=f"W = {w}", decoder=beam.model_copy(update={"hypotheses": w}))
            for w in (1, 10, 100)
        ),
        *(replace(start, name=f"K = {k}", sizes=replace(sizes, codes=k)) for k in (128, 512, 2048)),
        *(replace(start, name=f"{n} tuples", sizes=replace(sizes, entries=n)) for n in (64, 1024, 16384)),
        *(
            replace(start, name=f"N = {n}", sizes=replace(sizes, codes=64, sources=n, entries=2048))
            for n in (2, 3, 4)
        ),
    ]


def found_too(codes: np.ndarray, others: np.ndarray) -> float:
    """Share of the hypotheses `others` [m, W, S, N] that are among `codes` [M, W, S, N].

    The m mixtures are those at `spread_items(M, m)` of the M.
    """
    same_mixtures = codes[spread_items(len(codes), len(others))]
    known = [{one.tobytes() for one in item} for item in same_mixtures]
    hits = [one.tobytes() in found for found, item in zip(known, others, strict=True) for one in item]
    return float(np.mean(hits))


def row_of(case: Case, result: Result, reference: Result | None) -> dict[str, object]:
    """A row of the table; ratios are against `reference`."""
    per_mixture = result.seconds / len(result.codes)
    speed = reference.seconds / len(reference.codes) / per_mixture if reference else float("nan")
    same = found_too(result.codes, reference.codes) if reference else float("nan")
    sources, length = result.codes.shape[3], result.codes.shape[2]
    return {
        "case": case.name,
        "version": case.version,
        "precision": case.precision,
        **{name: getattr(case.decoder, name, None) for name in SETTINGS},
        "sources": sources,
        "positions": length,
        "tuples_per_slice": round(result.entries, 1),
        "batch": case.batch,
        "mixtures": len(result.codes),
        "seconds_per_mixture": round(per_mixture, 4),
        "share_outside_priors": round(1 - result.inside / result.seconds, 4),
        "peak_mib": round(result.peak_mib, 1),
        "speed_ratio": round(speed, 2),
        "same_hypotheses": round(same, 4),
    }


def print_row(row: dict[str, object]) -> None:
    """One line per case as it is measured."""
    name = f"{row['case']}, {row['precision']}"
    compared = not math.isnan(float(str(row["speed_ratio"])))
    speed, same = (f"{row['speed_ratio']:.1f}x", f"{row['same_hypotheses']:.1%}") if compared else ("-", "-")
    seconds, outside = f"{row['seconds_per_mixture']:.3f}", f"{row['share_outside_priors']:.1%}"
    line = (name, row["version"], row["batch"], seconds, outside, f"{row['peak_mib']:.0f}", speed, same)
    print(COLUMNS.format(*line), flush=True)


def draw_growth(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Seconds per mixture as each size grows: the priors' share and the rest."""
    figure = new_figure(8.0, 0.3 * len(rows) + 1.2)
    axes = figure.subplots()
    names = [row["case"] for row in rows]
    total = np.array([row["seconds_per_mixture"] for row in rows])
    outside = total * np.array([row["share_outside_priors"] for row in rows])
    axes.barh(names, total - outside, color=COLOURS[0], label="priors")
    axes.barh(names, outside, left=total - outside, color=COLOURS[1], label="everything else")
    axes.invert_yaxis()
    axes.set_xlabel("seconds per mixture")
    axes.legend(frameon=False)
    write_figure(figure, path=path)


def measure_all(arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Rows, as they are measured."""
    groups = published_cases(arguments.dataset, music=arguments.mixtures, plain=arguments.plain)
    for group in [*groups, *([case] for case in growing_cases(length=arguments.positions))]:
        missing = [
            path
            for case in group
            if case.dataset != "random"
            for path in needed_files(arguments.results, case.dataset)
            if not path.exists()
        ]
        if missing:
            print(f"{group[0].name}: left out, {missing[0]} is not there")
            continue
        reference = None
        for case in group:
            result = measure_apart(case, arguments.results, arguments.config)
            if case.version == "plain":
                reference = result
            yield row_of(case, result, reference)


def main() -> None:
    """Measure, print a table, write separation.csv and separation.png."""
    parser = run_parser(__doc__, mixtures=64)
    parser.add_argument("--plain", type=int, default=4, help="of them for the published algorithm")
    parser.add_argument("--positions", type=int, default=750, help="tokens of the random problems")
    arguments = parser.parse_args()
    if min(arguments.mixtures, arguments.plain) < 1 or arguments.positions <= REHEARSED:
        parser.error(f"give at least 1 mixture and more than {REHEARSED} positions")
    machine = hardware() | {"torch": torch.__version__, "threads": torch.get_num_threads()}
    print(described(machine))
    print(HEAD)
    rows = []
    for row in measure_all(arguments):
        print_row(row)
        rows.append(row | machine)
    write_rows(arguments.out / "separation.csv", rows)
    growth = [row for row in rows if row["case"] in {case.name for case in growing_cases(length=1)}]
    draw_growth(growth, arguments.out / "separation.png")
    print(
        "speed, and same (the share of its hypotheses that are found too), are against plain of the same case"
    )
    print(f"wrote {arguments.out}/separation.csv and .png")


if __name__ == "__main__":
    main()
