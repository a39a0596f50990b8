"""A table that is larger than one wants to load: merging its shards, opening it, serving slices.

K = 16,384 and about 10^8 entries from four shards, made up and written first (1.6 GB; as much again while
they are merged). Every step runs in a process of its own; memory is the peak of what the process held
itself beyond its start, pages of mapped files not counted.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.counting import described, hardware, write_rows
from benchmarks.memory import watched
from lass.likelihood.counts import SparseCounts, write_counts
from lass.likelihood.merging import merge_to_likelihood
from lass.likelihood.tensor import nearest_counted, read_likelihood

CODES, SOURCES, SHARDS = 16_384, 2, 4
SLICES = 64


def make_shard(path: Path, entries: int, seed: int) -> None:
    """Random keys of a lattice that all shards share, so that many tuples are in several of them."""
    rng = np.random.default_rng(seed)
    points = round(entries / 0.85)  # of the lattice, of which the shards together hit so many
    places = np.cumsum(rng.integers(1, 5, size=points * 2 // 5))
    keys = places[places < points] * (CODES ** (SOURCES + 1) // points)
    counts = rng.integers(1, 50, size=len(keys))
    write_counts(path, SparseCounts(keys, counts, CODES, SOURCES))


def merge(shards: list[Path], table: Path, memory: int) -> str:
    merged = merge_to_likelihood(shards, table, memory=memory)
    return f"{merged.entries} entries of {merged.total} counts, {memory // 10**6} MB allowed"


def open_table(table: Path) -> str:
    likelihood = read_likelihood(table, codebook_size=CODES, sources=SOURCES)
    return f"{len(likelihood.log_likelihood)} entries"


def serve_slices(table: Path) -> str:
    likelihood = read_likelihood(table)
    codes = torch.from_numpy(np.random.default_rng(0).integers(CODES, size=SLICES))
    nearest_counted(likelihood, torch.randn(CODES, 8))
    slices = likelihood.slices(codes)
    return f"{len(slices.row)} tuples of {SLICES} slices"


def measure(work: Callable[..., str], *arguments: object) -> tuple[str, float, float]:
    """A note, seconds and peak MiB; meant for a fresh process."""
    found: tuple[str, float, float] = watched(lambda: work(*arguments))
    return found


def measure_apart(work: Callable[..., str], *arguments: object) -> tuple[str, float, float]:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, work, *arguments).result()


def main() -> None:
    """Measure, print and write tables.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=100_000_000)
    parser.add_argument("--memory", type=int, default=1000, help="MB that merging may hold")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if arguments.entries < 1000:
        parser.error("--entries must be at least 1000")
    arguments.out.mkdir(parents=True, exist_ok=True)
    machine = hardware()
    print(described(machine))
    rows = []
    with TemporaryDirectory(dir=arguments.out) as name:
        folder = Path(name)
        shards = [folder / f"{number}.safetensors" for number in range(SHARDS)]
        for number, path in enumerate(shards):
            make_shard(path, arguments.entries, seed=number)
        table = folder / "likelihood.safetensors"
        for work, given in (
            (merge, (shards, table, arguments.memory * 10**6)),
            (open_table, (table,)),
            (serve_slices, (table,)),
        ):
            note, seconds, mib = measure_apart(work, *given)
            print(f"{work.__name__:14} {seconds:8.3f} s {mib:8.0f} MiB   {note}", flush=True)
            row = {"step": work.__name__, "seconds": round(seconds, 3), "mib": round(mib, 1), "note": note}
            rows.append(row | machine)
    write_rows(arguments.out / "tables.csv", rows)
    print(f"K = {CODES}, N = {SOURCES}; wrote {arguments.out / 'tables.csv'}")


if __name__ == "__main__":
    main()
