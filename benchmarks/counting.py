"""Speed and memory of counting, against numpy.unique on all tuples at once.

Both methods turn codes into the same keys and end in the same counts, which is checked. A measurement runs in
a process of its own. Its time is the processor time of that process (one thread), without drawing the tuples;
its memory is the peak resident set beyond what the process held before it counted.
"""

import argparse
import csv
import hashlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.streams import CODEBOOK_SIZE, SOURCES, Block, closed_stream, skewed_stream
from lass import __version__
from lass.likelihood.counts import SparseCounts, TupleCounter
from lass.likelihood.keys import encode_keys, expand_orders, sort_addends

POOL = 1_000_000  # tuples of which the closed stream is made
SEED = 0

HEAD = "stream  method            tuples    entries  seconds   tuples/s  peak MiB  speed  memory"
ROW = (
    "%(stream)-7s %(method)-12s %(tuples)11d %(entries)10d %(seconds)8.2f %(tuples_per_second)10d "
    "%(peak_mib)9.1f %(speed_ratio)5.2fx %(memory_ratio)6.3fx"
)


@dataclass(frozen=True)
class Measurement:
    """One run of one method."""

    seconds: float
    peak_mib: float
    entries: int  # distinct tuples, every order of the addends by itself
    digest: str  # of the counts


def open_stream(name: str, tuples: int) -> Iterator[Block]:
    """Return the blocks of the stream called `name`."""
    if name == "closed":
        return closed_stream(tuples, seed=SEED, pool=POOL)
    return skewed_stream(tuples, seed=SEED)


def count_streaming(blocks: Iterator[Block], tuples: int) -> tuple[SparseCounts, float]:  # noqa: ARG001
    """Count block by block with TupleCounter; return the counts and the seconds without drawing."""
    started = time.process_time()
    counter = TupleCounter(codebook_size=CODEBOOK_SIZE, sources=SOURCES)
    seconds = time.process_time() - started
    for sources, mixture in blocks:
        started = time.process_time()
        counter.add(sources, mixture)
        seconds += time.process_time() - started
    started = time.process_time()
    counts = counter.counts()
    return counts, seconds + time.process_time() - started


def count_at_once(blocks: Iterator[Block], tuples: int) -> tuple[SparseCounts, float]:
    """Hold the keys of all tuples and call numpy.unique once; return the counts and the seconds."""
    every = np.empty(tuples, dtype=np.int64)
    filled, seconds = 0, 0.0
    for sources, mixture in blocks:
        started = time.process_time()
        ordered = sort_addends([row.astype(np.int64) for row in sources])
        every[filled : filled + mixture.size] = encode_keys(ordered, mixture, codebook_size=CODEBOOK_SIZE)
        filled += mixture.size
        seconds += time.process_time() - started
    started = time.process_time()
    keys, counts = expand_orders(
        *np.unique(every, return_counts=True), codebook_size=CODEBOOK_SIZE, sources=SOURCES
    )
    seconds += time.process_time() - started
    return SparseCounts(keys=keys, counts=counts, codebook_size=CODEBOOK_SIZE, sources=SOURCES), seconds


METHODS = {"TupleCounter": count_streaming, "numpy.unique": count_at_once}


def measure(method: str, stream: str, tuples: int) -> Measurement:
    """Run one method on one stream; meant for a fresh process."""
    blocks = open_stream(stream, tuples)
    first = next(blocks)  # what drawing needs is allocated before the baseline is taken
    before = _peak_mib()
    counts, seconds = METHODS[method](_chain(first, blocks), tuples)
    peak = _peak_mib() - before
    digest = hashlib.sha256(counts.keys.tobytes() + counts.counts.tobytes()).hexdigest()
    return Measurement(seconds=seconds, peak_mib=peak, entries=counts.keys.size, digest=digest)


def measure_apart(method: str, stream: str, tuples: int, *, repeats: int) -> Measurement:
    """Measure `repeats` times, each in a fresh process; return the median time and the highest peak."""
    runs = []
    for _ in range(repeats):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            runs.append(pool.submit(measure, method, stream, tuples).result())
    return Measurement(
        seconds=median(run.seconds for run in runs),
        peak_mib=max(run.peak_mib for run in runs),
        entries=runs[0].entries,
        digest=runs[0].digest,
    )


def compare(stream: str, tuples: int, *, repeats: int) -> list[dict[str, object]]:
    """Return one row per method; raise RuntimeError when their counts differ."""
    found = {method: measure_apart(method, stream, tuples, repeats=repeats) for method in METHODS}
    reference = found["numpy.unique"]
    rows: list[dict[str, object]] = []
    for method, result in found.items():
        if result.digest != reference.digest:
            raise RuntimeError(
                f"{method} and numpy.unique disagree on {tuples} tuples of the {stream} stream"
            )
        rows.append(
            {
                "stream": stream,
                "method": method,
                "tuples": tuples,
                "entries": result.entries,
                "seconds": round(result.seconds, 3),
                "tuples_per_second": round(tuples / result.seconds),
                "peak_mib": round(result.peak_mib, 1),
                "speed_ratio": round(reference.seconds / result.seconds, 2),
                "memory_ratio": round(result.peak_mib / reference.peak_mib, 3),
            }
        )
    return rows


def hardware() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "lass": __version__,
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def described(machine: dict[str, object]) -> str:
    """What the figures were measured on, in one line."""
    return ", ".join(f"{key} {value}" for key, value in machine.items())


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Write rows with equal keys as CSV; the file appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    with aside.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    aside.replace(path)


def main() -> None:
    """Measure, print a table and write counting.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tuples", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes per measurement")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if min(*arguments.tuples, arguments.repeats, POOL) < 1:
        parser.error("--tuples and --repeats must be at least 1")

    machine = hardware()
    print(f"N = {SOURCES}, K = {CODEBOOK_SIZE}; {described(machine)}")
    print(HEAD)
    rows = []
    for stream in ("skewed", "closed"):
        for tuples in arguments.tuples:
            for row in compare(stream, tuples, repeats=arguments.repeats):
                print(ROW % row, flush=True)
                rows.append(row | machine)
    write_rows(arguments.out / "counting.csv", rows)
    print(f"ratios are against numpy.unique on the same tuples; wrote {arguments.out / 'counting.csv'}")


def _chain(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    yield first
    yield from rest


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # Linux counts in KiB


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


if __name__ == "__main__":
    main()
