"""How far the workflow goes: the jobs of the paper's run on music and of ten times that, and 10^10 tuples.

The run is that of `config/table5.yaml` about a folder as large as Slakh2100 (1,500, 375 and 225 songs of
ten stems, files without content), every row of Table 5 in 64 shards; then ten times the songs in 640
shards. It is planned as `snakemake --dry-run` plans it, in a process of its own. Counting is measured at K
= 16,384 on tuples that grow as those of real codes do, and continued to 10^10 by the power law through the
largest two measurements.
"""

import argparse
import math
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.counting import described, hardware, write_rows
from benchmarks.streams import BLOCK, Block
from lass.likelihood.counts import TupleCounter

ROOT = Path(__file__).parents[1]
SONGS = {"train": 1500, "validation": 375, "test": 225}  # of Slakh2100
STEMS = 10
SHARDS = 64
TARGETS = ("results/slakh_sdr.csv", "results/slakh_decoders.csv", "all")
CODES = 16_384
WANTED = 10**10
JOB_BYTES = 6000 * 10**6  # what `count_tuples` asks for
KEY_BYTES = 80  # of a distinct tuple of a shard while it is counted, as docs/running.md says
SHARD_BYTES, MERGING_BYTES, TABLE_BYTES = 16, 16, 8  # of an entry: in a shard, beside the table, in the table


@dataclass(frozen=True)
class Graph:
    """What planning a run took, and what the run would be."""

    scale: int
    jobs: int
    files: int
    seconds: float  # of wall clock
    processor: float  # seconds
    peak_mib: float
    fullest: str  # the folder with most files
    most: int


def make_songs(root: Path, scale: int) -> None:
    """A folder with the names and the number of files of Slakh2100, `scale` times as many; all are empty."""
    number = 1
    for split, songs in SONGS.items():
        for _ in range(songs * scale):
            stems = root / split / f"Track{number:06d}" / "stems"
            stems.mkdir(parents=True)
            (stems.parent / "metadata.yaml").touch()
            for stem in range(STEMS):
                (stems / f"S{stem:02d}.flac").touch()
            number += 1


def plan(scale: int, folder: Path) -> Graph:
    """Plan the run about a folder of `scale` times Slakh2100's songs."""
    make_songs(folder / "songs", scale)
    own = folder / "full.yaml"
    slakh: dict[str, Any] = {"model": None, "source": "slakh", "root": str(folder / "songs")}
    slakh["mixtures"] = {"count": {"test": None}}
    own.write_text(yaml.safe_dump({"pretrained": False, "datasets": {"slakh": slakh}}), encoding="utf-8")
    shards = [f"{name}={SHARDS * scale}" for name in ("tokens", "counts", "mixtures")]
    line = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
    ]
    line += ["--dry-run", "--cores", "1", "--set-scatter", *shards]
    line += ["--configfile", str(ROOT / "config" / "table5.yaml"), str(own), "--", *TARGETS]
    return described_plan(scale, *run_alone(line))


def run_alone(line: Sequence[str]) -> tuple[str, float, float, float]:
    """Output, seconds, processor seconds and peak in MiB of a command that has no other beside it."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_command, list(line)).result()


def _measure_command(line: list[str]) -> tuple[str, float, float, float]:
    started = time.perf_counter()
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10


def described_plan(scale: int, output: str, seconds: float, processor: float, peak: float) -> Graph:
    """Jobs and files out of what a dry run prints."""
    total = re.search(r"^total +(\d+)$", output, re.MULTILINE)
    if total is None:
        raise ValueError(f"no total of jobs in what Snakemake prints, whose end is {output[-200:]!r}")
    made = re.findall(r"^    output: (.+)$", output, re.MULTILINE)
    files = {name for line in made for name in line.split(", ")}
    folders = Counter(str(Path(name).parent) for name in files)
    [(fullest, most)] = folders.most_common(1)
    return Graph(scale, int(total[1]), len(files), seconds, processor, peak, fullest, most)


# --- counting ---


def growing_stream(tuples: int, *, seed: int) -> Iterator[Block]:
    """Tuples of codes below 16,384, some frequent: a pair has one mixture code, and others near it."""
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(1, CODES + 1) ** 0.8
    steps = np.cumsum(weights / weights.sum())
    for start in range(0, tuples, BLOCK):
        size = min(BLOCK, tuples - start)
        ranks = np.minimum(np.searchsorted(steps, generator.random((2, size))), CODES - 1)
        near = generator.geometric(0.3, size) - 1
        yield ranks.astype(np.uint16), mixture_codes(ranks, near).astype(np.uint16)


def mixture_codes(ranks: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.int64]:
    """The mixture code of a pair in either order, `near` places further."""
    low, high = ranks.min(0), ranks.max(0)
    mixed = (low * 2_654_435_761 + high * 40_503) & 0xFFFFFFFF
    made: NDArray[np.int64] = ((mixed >> 9) + near) % CODES
    return made


@dataclass(frozen=True)
class Counted:
    """What counting took."""

    tuples: int
    entries: int  # distinct tuples, every order of the addends by itself
    seconds: float
    peak_mib: float


def count(tuples: int) -> Counted:
    """Count in this process, which should be a fresh one; drawing the tuples is not in the time."""
    blocks = growing_stream(tuples, seed=0)
    first = next(blocks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counter, seconds = TupleCounter(codebook_size=CODES, sources=2), 0.0
    for block in chain([first], blocks):
        seconds += _added(counter, block)
    started = time.process_time()
    entries = counter.counts().keys.size
    seconds += time.process_time() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    return Counted(tuples, entries, seconds, peak)


def _added(counter: TupleCounter, block: Block) -> float:
    started = time.process_time()
    counter.add(*block)
    return time.process_time() - started


def count_alone(tuples: int) -> Counted:
    """Count in a fresh process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(count, tuples).result()


def continued(found: Sequence[Counted], tuples: int) -> Counted:
    """What counting would take by the power law through the last two measurements, figure by figure."""
    before, last = found[-2:]

    def law(name: str) -> float:
        first, second = float(getattr(before, name)), float(getattr(last, name))
        power = math.log(second / first) / math.log(last.tuples / before.tuples)
        return float(second * (tuples / last.tuples) ** power)

    return Counted(tuples, round(law("entries")), law("seconds"), law("peak_mib"))


def shards_needed(found: Sequence[Counted], tuples: int) -> int:
    """Number of shards, a power of two, each of whose distinct tuples fit what `count_tuples` asks for."""
    shards = 1
    while continued(found, tuples // shards).entries / 2 * KEY_BYTES > JOB_BYTES:
        shards *= 2
    return shards


def consequences(found: Sequence[Counted], tuples: int) -> list[str]:
    """What 10^10 tuples would ask for, the first that breaks first."""
    whole, shards = continued(found, tuples), shards_needed(found, tuples)
    each = continued(found, tuples // shards)
    one = continued(found, tuples // 8)
    lines = [
        ("8 shards (the default)", f"{one.entries / 2 * KEY_BYTES / 1e9:.0f} GB in each, 6 are asked for"),
        ("  mend", f"--set-scatter counts={shards}: {each.seconds / 60:.0f} minutes in each"),
        ("shards", f"{shards * each.entries * SHARD_BYTES / 1e9:.0f} GB on disk until they are merged"),
        (
            "merging",
            f"{whole.entries * MERGING_BYTES / 1e9:.0f} GB on disk; in as much memory as it is given",
        ),
        (
            "table",
            f"{whole.entries:.1e} entries, {whole.entries * TABLE_BYTES / 1e9:.0f} GB, mapped on a CPU",
        ),
        ("  mend", "on a GPU it has to fit: fewer tuples, or the learned likelihood (`likelihood: network`)"),
        ("keys", f"K^3 = 2^{round(3 * math.log2(CODES))}, below 2^63; four sources of as many codes are not"),
    ]
    return [f"{name:24s}{text}" for name, text in lines]


def main() -> None:
    """Measure, print and write scale.csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scales", type=int, nargs="*", default=[1, 10], help="times the full data set")
    parser.add_argument("--tuples", type=int, nargs="*", default=[10**6, 10**7, 10**8])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if len(arguments.tuples) == 1 or min([*arguments.tuples, *arguments.scales], default=1) < 1:
        parser.error("--tuples needs two numbers or more (or none) to continue them; all must be at least 1")
    machine, rows = hardware(), list[dict[str, object]]()
    print(described(machine))
    for scale in arguments.scales:
        with tempfile.TemporaryDirectory() as folder:
            graph = plan(scale, Path(folder))
        print(
            f"{scale} x full: {graph.jobs} jobs, {graph.files} files, {graph.seconds:.1f} s "
            f"({graph.processor:.1f} of the processor), {graph.peak_mib:.0f} MiB; "
            f"{graph.most} files in {graph.fullest}"
        )
        rows.append(
            {
                "what": f"graph x{scale}",
                "number": graph.jobs,
                "seconds": round(graph.processor, 2),
                "peak_mib": round(graph.peak_mib),
                "found": graph.files,
            }
        )
    found = [count_alone(tuples) for tuples in sorted(arguments.tuples)]
    further = [continued(found, 10**9), continued(found, WANTED)] if found else []
    for one in [*found, *further]:
        kind = "counted" if one in found else "continued"
        print(
            f"{kind} {one.tuples:.0e}: {one.entries:.3e} entries, {one.seconds:.1f} s, {one.peak_mib:.0f} MiB"
        )
        rows.append(
            {
                "what": kind,
                "number": one.tuples,
                "seconds": round(one.seconds, 2),
                "peak_mib": round(one.peak_mib),
                "found": one.entries,
            }
        )
    for line in consequences(found, WANTED) if found else []:
        print(f"- {line}")
    write_rows(arguments.out / "scale.csv", [row | machine for row in rows])


if __name__ == "__main__":
    main()
