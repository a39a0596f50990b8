"""What counting more tuples buys: coverage of unseen mixtures, and the separation that the table allows.

Reads a finished run of music, as `benchmarks.attribution` does, and its shards of counts: tables of the first
shard, the first two, four and so on separate the first test mixtures with the samplers `beam` and `particles`
of the configuration. Writes coverage.csv and coverage.png.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.attribution import UNSEEN, Truth, log_likelihoods, open_truth
from benchmarks.counting import write_rows
from benchmarks.problems import Problem, open_problem, read_settings
from benchmarks.separation import uniforms
from lass.config.separation import Sampler
from lass.evaluation.figures import COLOURS, new_figure, write_figure
from lass.likelihood.counts import merge_counts, read_counts
from lass.likelihood.tensor import build_likelihood, density, nearest_counted
from lass.separation.decoding import Method, decode_sequences


def with_tables(problem: Problem, shards: Sequence[Path], codebook: Tensor) -> Problem:
    """The same mixtures with the table that the counts in the files `shards` give."""
    likelihood = build_likelihood(merge_counts(read_counts(path) for path in shards))
    mixture = nearest_counted(likelihood, codebook)[problem.mixture]
    return replace(problem, likelihood=likelihood, mixture=mixture)


def decode(problem: Problem, sampler: Sampler) -> Tensor:
    """The most probable hypothesis [M, N, S] of every mixture."""
    method = Method(
        sampler.method,
        hypotheses=sampler.hypotheses,
        likelihood_weight=sampler.likelihood_weight,
        resampling=sampler.resampling,
    )
    decoded = decode_sequences(
        problem.mixture,
        priors=problem.priors,
        likelihood=problem.likelihood,
        method=method,
        uniforms=uniforms(method, problem.mixture.shape[1], range(len(problem.mixture))),
    )
    best = decoded.scores.argmax(dim=1)
    return decoded.codes[torch.arange(len(best)), best].transpose(1, 2)


def measure(problem: Problem, truth: Truth, samplers: dict[str, Sampler]) -> dict[str, float]:
    """Density, coverage of the mixtures' true tuples and SDR in dB with the table of `problem`."""
    known = log_likelihoods(problem, truth.codes)
    row = {
        "density": density(problem.likelihood),
        "coverage": float((known > UNSEEN).float().mean()),
    }
    for name, sampler in samplers.items():
        decoded, shared = truth.scores(decode(problem, sampler))
        row |= {f"{name}_sdr_decoded": decoded, f"{name}_sdr_shared": shared}
    return row


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
    right.legend(frameon=False)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("counted tuples")
    write_figure(figure, path=path)


def main() -> None:
    """Print a table, write coverage.csv and coverage.png."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the finished run")
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"))
    parser.add_argument("--mixtures", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    settings = read_settings(arguments.config)
    shards = sorted((arguments.results / "slakh/counts").glob("*.safetensors"))
    if not shards or len(settings.classes) != 2:
        parser.error(f"{arguments.results}/slakh/counts needs the shards of counts of a run of two sources")
    problem = open_problem(
        "slakh", results=arguments.results, config=arguments.config, mixtures=arguments.mixtures
    )
    truth = open_truth(settings, arguments.results / "slakh", mixtures=arguments.mixtures)
    samplers = {name: settings.separation.samplers[name] for name in ("beam", "particles")}
    rows: list[dict[str, object]] = []
    number = 1
    while number <= len(shards):
        part = with_tables(problem, shards[:number], truth.vqvae.quantizer.codebook)
        found = measure(part, truth, samplers)
        print(f"{number} of {len(shards)} shards: {found}", flush=True)
        rows.append({"tuples": settings.likelihood.tuples * number // len(shards), **found})
        number *= 2
    write_rows(arguments.out / "coverage.csv", rows)
    draw_rows(rows, arguments.out / "coverage.png")


if __name__ == "__main__":
    main()
