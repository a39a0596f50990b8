"""What counting more tuples buys: coverage of unseen mixtures, and the separation that the table allows.

Reads a finished run of music, as `benchmarks.attribution` does, and its shards of counts: tables of the first
shard, the first two, four and so on separate some mixtures with the decoders `beam` and `particles`
of the configuration. Writes coverage.csv and coverage.png.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.attribution import UNSEEN, decode, log_likelihoods, named_decoders, open_truth
from benchmarks.counting import described, hardware, write_rows
from benchmarks.problems import Problem, asked_run, open_problem, oracle_parser
from lass.evaluation.figures.drawing import COLOURS, new_figure, write_figure
from lass.likelihood.counts import merge_counts, read_counts
from lass.likelihood.tensor import build_likelihood, density, nearest_counted


@dataclass(frozen=True)
class Part:
    """A table of some of the counts, and the mixtures to be separated with it."""

    tuples: int  # positions that were counted
    problem: Problem


def with_table(problem: Problem, shards: Sequence[Path], *, mixture: Tensor, codebook: Tensor) -> Part:
    """`problem` with the table of the counts in `shards`; `mixture` [M, S] are its codes, counted or not."""
    counts = merge_counts(read_counts(path) for path in shards)
    likelihood = build_likelihood(counts)
    orders = math.factorial(counts.sources) if counts.symmetric else 1
    counted = nearest_counted(likelihood, codebook)[mixture]
    return Part(int(counts.counts.sum()) // orders, replace(problem, likelihood=likelihood, mixture=counted))


def coverage(part: Problem, *, mixture: Tensor, codes: Tensor) -> float:
    """Share of positions whose codes [M, N, S] were counted with the mixture's own code [M, S]."""
    known = log_likelihoods(replace(part, mixture=mixture), codes)
    return float((known > UNSEEN).float().mean())


def draw_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Coverage and SDR against the number of counted tuples."""
    figure = new_figure(9.0, 3.4)
    left, right = figure.subplots(1, 2)
    tuples = [row["tuples"] for row in rows]
    left.plot(tuples, [100 * row["coverage"] for row in rows], marker="o", color=COLOURS[0])
    left.set_ylabel("true tuples that were counted, %")
    names = [name for name in rows[0] if "_sdr_" in name]
    for index, name in enumerate(names):
        label = name.replace("_sdr_", ", ")
        right.plot(tuples, [row[name] for row in rows], marker="o", color=COLOURS[index], label=label)
    right.set_ylabel("SDR, dB")
    right.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(tuples, [f"{number / 1e6:.3g}" for number in tuples])
        axes.minorticks_off()
        axes.set_xlabel("counted tuples, millions")
    write_figure(figure, path=path)


def main() -> None:
    """Print a table, write coverage.csv and coverage.png."""
    parser = oracle_parser(__doc__)
    parser.add_argument("--shards", type=int, default=8, help="of counts, as the run made them")
    arguments = parser.parse_args()
    run = asked_run(parser, arguments)
    shards = sorted((run.folder / "counts").glob(f"*-of-{arguments.shards}.safetensors"))
    if len(shards) != arguments.shards or run.dataset.sources != 2:
        parser.error(
            f"{run.folder}/counts needs all {arguments.shards} shards of counts of a run with "
            "two sources: name their number by --shards"
        )
    decoders = named_decoders(parser, run)
    problem = open_problem(run, mixtures=arguments.mixtures)
    truth = open_truth(run, mixtures=arguments.mixtures)
    mixture = torch.cat([truth.codec.encode(one[None]) for one in truth.mixtures])
    codebook = truth.codec.codebook
    rows: list[dict[str, object]] = []
    machine = hardware() | {"precision": truth.codec.precision}
    print(described(machine))
    for number in sorted(
        {*(2**power for power in range(len(shards)) if 2**power < len(shards)), len(shards)}
    ):
        part = with_table(problem, shards[:number], mixture=mixture, codebook=codebook)
        row: dict[str, object] = {
            "tuples": part.tuples,
            "density": density(part.problem.likelihood),
            "coverage": coverage(part.problem, mixture=mixture, codes=truth.codes),
        }
        for name, decoder in decoders.items():
            decoded, shared = truth.scores(decode(part.problem, decoder))
            row |= {f"{name}_sdr_decoded": decoded, f"{name}_sdr_shared": shared}
        print(row, flush=True)
        rows.append(row | machine)
    write_rows(arguments.out / "coverage.csv", rows)
    draw_rows(rows, arguments.out / "coverage.png")


if __name__ == "__main__":
    main()
