"""Run the demo, `make demo`: what runs, how far it is, how long still. Snakemake's words go to a file."""

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lass.evaluation.tables.sdr import Sdr

ROOT = Path(__file__).parents[1]
TARGETS = ["slakh_sdr.csv", "slakh_sdr.html", "slakh_separations.png", "slakh_examples"]
SHARES = {"draw_candidates": 12, "compose_songs": 4}
"""Jobs that take longer than others, by about how much: the time that is left depends on it."""

DOING = {
    "compose_songs": "composing songs and playing them",
    "extract_sources": "summing the stems of drums and of bass",
    "draw_mixtures": "cutting test mixtures",
    "draw_candidates": "separating: decoding codes",
    "separate_mixtures": "separating: from codes to sound",
    "score_estimates": "scoring",
    "tabulate_scores": "making the table",
    "show_separations": "drawing pictures, writing sounds",
    "draw_page": "making the page to listen to",
}
NEXT = """
  a page      {folder}/results/slakh_sdr.html      open it: the table, and every method to listen to
  sounds      {folder}/results/slakh_examples/     mixtures, true sources, and what each method makes of them
  pictures    {folder}/results/slakh_separations.png, slakh_sdr.png
  the log     {log}

Next:
  the same table over 100 mixtures   .venv/bin/snakemake --cores 8 results/slakh_sdr.csv
  your own recordings                docs/datasets.md
  what the method does               docs/method.md
"""


@dataclass
class Jobs:
    """The jobs of a run, as Snakemake's words tell them."""

    planned: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)

    def hear(self, line: str) -> str | None:
        """Take in a line of Snakemake; the rule of the job that it says has ended."""
        if row := re.fullmatch(r"(\w+) +(\d+)", line):
            if row[1] != "total":
                self.planned[row[1]] = int(row[2])
        elif begun := re.fullmatch(r"(?:local)?rule (\w+):", line):
            self.running[begun[1]] += 1
        elif over := re.fullmatch(r"Finished jobid: \d+ \(Rule: (\w+)\)", line):
            self.running[over[1]] -= 1
            self.ended[over[1]] += 1
            return over[1]
        return None

    @property
    def doing(self) -> str:
        """What is being done, for people."""
        return ", ".join(DOING.get(name, name) for name in +self.running) or "starting"


def weigh(jobs: Counter[str]) -> int:
    """So many short jobs take as long as these."""
    return sum(number * SHARES.get(name, 1) for name, number in jobs.items())


def lines_of(path: Path, running: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines that are written to a file, until what writes it has ended."""
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            ended = running.poll() is not None
            while line := file.readline():
                yield line.rstrip()
            if ended:
                return
            time.sleep(0.2)


def follow(path: Path, running: subprocess.Popen[bytes], console: Console) -> None:
    """Show how far the run is: a bar in a terminal, elsewhere a line per job."""
    columns = (TextColumn("{task.description:<45}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    jobs = Jobs()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)
        for line in lines_of(path, running):
            ended = jobs.hear(line)
            total, done = weigh(jobs.planned), weigh(jobs.ended)
            progress.update(task, total=total or None, completed=done, description=jobs.doing)
            if ended and not console.is_terminal:
                count = f"{jobs.ended.total()} of {jobs.planned.total()}"
                console.print(f"{count}: {DOING.get(ended, ended)}")


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """The options of the demo, and those that are Snakemake's."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="Other options are handed to Snakemake.")
    parser.add_argument("--cores", type=int, required=True, help="cores that may be used")
    parser.add_argument("--configfile", default=ROOT / "config/demo.yaml", type=Path, help="overrides")
    parser.add_argument("--directory", default=Path("runs/demo"), type=Path, help="where everything is made")
    return parser.parse_known_args()


def main() -> int:
    """Run Snakemake, follow it, and say what there is to see; its exit status."""
    chosen, others = arguments()
    folder, console = chosen.directory, Console(highlight=False, markup=False, soft_wrap=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.log"
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--cores", chosen.cores]
    command += ["--configfile", chosen.configfile, "--directory", folder, "--nocolor"]
    # Two decoders: with two shards for four cores and so on, all cores have something to decode.
    command += ["--set-scatter", f"mixtures={max(1, chosen.cores // 2)}", *others]
    command += ["--", *(f"results/{name}" for name in TARGETS)]
    console.print(
        f"Drums and bass of synthetic songs, separated by the models that come with lass. Log: {path}"
    )
    with (
        path.open("wb") as log,
        subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT) as running,
    ):
        try:
            follow(path, running, console)
        except KeyboardInterrupt:  # Snakemake got it too, and ends its jobs
            running.wait()
    if running.returncode:
        console.print("\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-30:]))
        console.print(
            f"The run ended with status {running.returncode}: see {path}. `make demo` goes on from there."
        )
        return 1
    console.print(Sdr.format(folder / "results/slakh_sdr.csv"))
    console.print(NEXT.format(folder=folder, log=path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
