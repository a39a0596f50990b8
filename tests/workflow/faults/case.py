"""A copy of the toy run in which one job is about to run again, and what is asked of it afterwards."""

import contextlib
import gc
import io
import os
import re
import shutil
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from snakemake.cli import main as snakemake

from tests.workflow.faults.agent import AGENT, FAULT
from tests.workflow.faults.jobs import Job, configs
from tests.workflow.launching import Outcome, Running, launched
from tests.workflow.runner import SCATTER, arguments, copy_run, digests

REMEDY = re.compile(
    r"again|anew|be fixed on system level|delete|free|remove|unlock|permission|choose another|make room"
    r"|save it as|complete the|: give ",
    re.IGNORECASE,
)


class NotHit(Exception):
    """The fault did nothing: what became of the run says nothing about it."""


@dataclass
class Case:
    """One job of the toy run, disturbed."""

    toy: Path
    directory: Path
    job: Job
    said: list[str] = field(default_factory=list)  # messages, for the reader of the program's output

    @classmethod
    def begin(cls, toy: Path, directory: Path, job: Job) -> "Case":
        """A fresh copy without the job's outputs."""
        shutil.rmtree(directory, ignore_errors=True)
        case = cls(toy, copy_run(toy, directory), job)
        case.forget(job.outputs)
        return case

    @property
    def results(self) -> Path:
        return self.directory / "results"

    def forget(self, names: tuple[str, ...]) -> None:
        """Delete results, as far as they are there."""
        for path in (self.results / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def targets(self, names: tuple[str, ...] | None = None) -> list[str]:
        return [f"results/{name}" for name in names or self.job.outputs]

    @property
    def gate(self) -> Path:
        """The file that a held job waits for."""
        return self.directory / "gate"

    @property
    def hit(self) -> Path:
        """The file in which the agent says that it has done what it was told."""
        return self.gate.with_suffix(".pid")

    def disturbed(self, *options: str, names: tuple[str, ...] | None = None, fault: str = "") -> Outcome:
        """As `run`, of which a job of the rule has to be a part: NotHit where there is none."""
        outcome = self.run(*options, names=names, fault=fault)
        if self.job.rule not in outcome.jobs:
            raise NotHit(f"no job of {self.job.rule} runs: {outcome.output[-200:]}")
        return outcome

    def run(self, *options: str, names: tuple[str, ...] | None = None, fault: str = "") -> Outcome:
        """Ask for the job's outputs, or for others; `fault` is what the agent does."""
        line = arguments(self.directory, *self.options(*options), **self.wanted(names))
        with launched(line, self.directory / "output.txt", {FAULT: fault}, AGENT) as running:
            return running.wait()

    def begun(self, what: str) -> contextlib.AbstractContextManager[Running]:
        """The same in the background, with a job to which the agent does this."""
        line = arguments(self.directory, *self.options(), **self.wanted(None))
        return launched(line, self.directory / "first.txt", {FAULT: self.fault(what)}, AGENT)

    def fault(self, what: str) -> str:
        """What the agent is told."""
        return f"{what}:{self.job.rule}:{self.job.files}:{self.gate}"

    def options(self, *more: str) -> list[str]:
        return [*SCATTER, "--cores", "1", *more]

    def wanted(self, names: tuple[str, ...] | None) -> dict[str, Any]:
        return {"targets": self.targets(names), "configs": configs(self.toy)}

    def planned(self, names: tuple[str, ...] | None = None) -> str:
        """What Snakemake says that it would do."""
        text, here = io.StringIO(), Path.cwd()
        line = ["--dry-run", *arguments(self.directory, *self.options(), **self.wanted(names))]
        with warnings.catch_warnings(), contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            warnings.simplefilter("ignore")
            with contextlib.suppress(SystemExit):
                snakemake(line)
            os.chdir(here)
            gc.collect()
        return text.getvalue()

    def inputs(self) -> list[str]:
        """What the job reads, below results/; NotHit where that is not what is known of the job."""
        names = inputs_of(self.job.rule, self.planned())
        if bool(names) != self.job.reads:
            raise NotHit(f"{self.job.rule} is planned with these inputs: {names}")
        return names

    @cached_property
    def undisturbed(self) -> dict[str, str]:
        """File -> hash of its bytes in the toy run."""
        return content(self.toy)

    def differing(self) -> list[str]:
        """Results that are there and have other bytes than those of the undisturbed run."""
        return [
            name for name, digest in content(self.directory).items() if digest != self.undisturbed.get(name)
        ]

    def missing(self) -> list[str]:
        return sorted(self.undisturbed.keys() - content(self.directory).keys())

    def leftovers(self) -> list[str]:
        """Files that nobody asked for."""
        paths = self.results.rglob("*")
        return [str(path) for path in paths if ".part" in path.name or "unfinished" in path.name]

    def restored(self) -> str | None:
        """What is wrong with the results, once all is done; None where they are the undisturbed run's."""
        wrong = {"differ": self.differing(), "are missing": self.missing(), "are left": self.leftovers()}
        return "; ".join(f"{', '.join(names[:3])} {how}" for how, names in wrong.items() if names) or None

    def explained(self, outcome: Outcome, name: str) -> bool:
        """Whether a line of what was said names a file and what to do."""
        for line in outcome.output.splitlines():
            if Path(name).name in line and REMEDY.search(line):
                self.said.append(line.strip()[:300])
                return True
        return False


def inputs_of(rule: str, planned: str) -> list[str]:
    """What a job of the rule reads, below results/, by what Snakemake prints of its plan."""
    block = re.search(rf"^(?:local)?rule {rule}:\n((?:    .*\n)+)", planned, re.MULTILINE)
    if block is None:
        raise NotHit(f"no job of {rule} is planned: {planned[-200:]}")
    line = re.search(r"^    input: (.*)$", block[1], re.MULTILINE)
    names = line[1].split(", ") if line else []
    return [name.removeprefix("results/") for name in names if name.startswith("results/")]


def content(directory: Path) -> dict[str, str]:
    """Digest of every result; logs and times left out."""
    kept = digests(directory, "results")
    return {
        name: digest for name, digest in kept.items()
        if not name.startswith(("results/logs/", "results/benchmarks/")) and "/contents/" not in name
    }  # fmt: skip
