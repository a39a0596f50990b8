"""The toy run on a real Slurm, through what happens in a week; and the cluster itself, in a few seconds."""

import getpass
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.cluster.slurm import TERMINATED, Slurm, missing_programs, processes_in, small_cluster
from tests.workflow.launching import PATIENCE, Outcome, started
from tests.workflow.runner import FINAL, ROOT, SCATTER, THREADS, arguments, digests, run

MISSING = missing_programs()
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"no {', '.join(MISSING)} here: apt install slurmctld slurmd slurm-client munge",
    ),
]

PROFILE = ROOT / "workflow" / "profiles" / "slurm"
PARTITIONS = ["--slurm-partition-config", str(PROFILE / "partitions.yaml")]
OPTIONS = [
    *THREADS,
    *SCATTER,
    *("--workflow-profile", str(PROFILE)),
    *("--slurm-status-command", "squeue"),
    *PARTITIONS,
    *("--slurm-init-seconds-before-status-checks", "3"),
    *("--latency-wait", "20"),
]
# Few jobs that need little, for what happens to them: mixtures ask for a GPU, at first for too little memory.
MIXTURES = [f"results/slakh/mixtures/{split}.parquet" for split in ("validation", "test")]
SHORT_OF_MEMORY = ["--set-resources", "draw_mixtures:mem_mb=100 * attempt ** 4", "draw_mixtures:gpu=1"]
GPU_RULES = ("train_prior", "draw_candidates")
"""Ask for the GPU in the whole run, as all that run a network do with `device: cuda`; it is none."""


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[Slurm]:
    folder = tmp_path / "slurm"
    folder.mkdir()
    with small_cluster(folder) as cluster:
        yield cluster


class Submitting:
    """A Snakemake that sends jobs to Slurm."""

    def __init__(self, slurm: Slurm, directory: Path, *line: str, targets: Sequence[str]) -> None:
        self.slurm, self.directory = slurm, directory
        self.line = [
            sys.executable,
            "-m",
            "snakemake",
            *OPTIONS,
            *line,
            *arguments(directory, targets=targets),
        ]

    def run(self, *options: str, during: Callable[[subprocess.Popen[bytes]], None] | None = None) -> Outcome:
        """Run it to its end, which may come from what happens `during` the run."""
        log = self.directory / "output.txt"
        line = [*self.line[:3], *options, *self.line[3:]]
        with started(line, log, self.slurm.environment) as running:  # which ends no job that it submitted
            if during:
                during(running)
            status = running.wait(PATIENCE)
        return Outcome(status, log.read_text(encoding="utf-8"))

    def job_of(self, running: subprocess.Popen[bytes], rule: str) -> dict[str, str]:
        """A job of a rule, as soon as its step runs."""
        end = time.monotonic() + PATIENCE
        while True:
            for job in self.slurm.jobs("RUNNING"):
                if job["rule"].startswith(f"rule_{rule}_") and len(self.slurm.processes(job["id"])) > 1:
                    return job
            assert running.poll() is None, f"ended before {rule} ran"
            assert time.monotonic() < end, f"{rule} never ran"
            time.sleep(0.3)


def wait_until_idle(slurm: Slurm) -> None:
    end = time.monotonic() + 60
    while slurm.jobs("PENDING", "RUNNING", "SUSPENDED", "COMPLETING"):
        assert time.monotonic() < end, slurm.jobs()
        time.sleep(0.2)


def test_a_cluster_comes_and_goes(tmp_path: Path) -> None:
    """Two nodes, a GPU on one of them, jobs by what they ask for; one with too much memory is killed."""
    with small_cluster(tmp_path) as slurm:
        daemons = [daemon.pid for daemon in slurm.daemons.values()]
        out = tmp_path / "out.txt"
        saying = ["sbatch", "--parsable", f"--output={out}", "--wrap=echo gpu=$CUDA_VISIBLE_DEVICES"]
        with_gpu = slurm.ask(*saying, "--partition=gpu", "--gpus=1", "--mem=300")
        refused = slurm.ask("sbatch", "--partition=cpu", "--gpus=2", "--wrap=true", check=False)
        hog = f"{sys.executable} -c 'held = b\"1\" * 400_000_000; import time; time.sleep(60)'"
        too_much = slurm.ask("sbatch", "--parsable", "--output=/dev/null", "--mem=100", f"--wrap={hog}")
        wait_until_idle(slurm)
        found = {job["id"]: job for job in slurm.jobs()}
        assert found[with_gpu]["state"] == "COMPLETED"
        assert found[with_gpu]["node"] == "two"
        assert found[with_gpu]["gpus"] == "gres:gpu:1"
        assert out.read_text() == "gpu=0\n"
        assert found[too_much]["node"] == "one"
        assert found[too_much]["state"] in ("FAILED", "OUT_OF_MEMORY", "CANCELLED")
        assert refused == "", "no node has two"
    assert not [number for number in daemons if Path(f"/proc/{number}").exists()]


WAITING = """
import time
from pathlib import Path
from tests.cluster.slurm import small_cluster
from tests.workflow.launching import started

def test_waits(pytestconfig):
    folder = Path(pytestconfig.rootpath, "slurm")
    with small_cluster(folder) as slurm, started(["sleep", "600"], folder / "log", slurm.environment):
        job = slurm.ask("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 600")
        while not slurm.processes(job):
            time.sleep(0.2)
        (folder / "ready").touch()
        time.sleep(600)
"""


def test_a_session_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM of pytest, as for want of time: no daemon, no step of a job and no submitting process stays."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    (tmp_path / "test_waiting.py").write_text(WAITING, encoding="utf-8")
    line = [sys.executable, "-m", "pytest", "--rootdir", str(tmp_path), "-c", os.devnull]
    line += ["-p", "no:cacheprovider", str(tmp_path / "test_waiting.py")]
    log, end = tmp_path / "output.txt", time.monotonic() + 120
    with started(line, log, {**os.environ, "PYTHONPATH": str(ROOT)}) as running:
        while not (folder / "ready").exists():
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        there = processes_in(folder)
        assert len(there) >= 6, "four daemons, a step and what it runs, the sleeping process"
        running.terminate()
        assert running.wait(120) == TERMINATED, log.read_text()
    assert not processes_in(folder)
    assert not [number for number in there if Path(f"/proc/{number}/root").exists()]


def test_without_a_file_of_partitions(slurm: Slurm, tmp_path: Path) -> None:
    """The profile as it is: jobs go to the cluster's default partition, with the GPU that they ask for."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install '.[cluster]'")
    directory = tmp_path / "run"
    directory.mkdir()
    submitting = Submitting(
        slurm, directory, "--set-resources", "compose_songs:gpu=1", targets=["results/slakh/songs/test"]
    )
    submitting.line = [word for word in submitting.line if word not in PARTITIONS]
    outcome = submitting.run()
    assert outcome.status == 0, outcome.output
    [job] = slurm.jobs()
    assert (job["partition"], job["node"], job["gpus"]) == ("cpu", "two", "gres:gpu:1")


def jobs_of(jobs: list[dict[str, str]], *rules: str) -> list[dict[str, str]]:
    """The jobs of some rules."""
    return [job for job in jobs if job["rule"].startswith(tuple(f"rule_{rule}_" for rule in rules))]


def cancel_and_kill(submitting: Submitting) -> None:
    """Cancel one job and then all, then kill the submitter."""
    slurm = submitting.slurm

    def during(running: subprocess.Popen[bytes]) -> None:
        slurm.ask("scancel", submitting.job_of(running, "compose_songs")["id"])
        submitting.job_of(running, "extract_sources")
        slurm.ask("scancel", f"--user={getpass.getuser()}")
        submitting.job_of(running, "extract_sources")
        running.kill()
        for job in slurm.jobs("RUNNING"):  # or a slow machine ends them before anybody starts again
            slurm.ask("scontrol", "suspend", job["id"], check=False)

    assert submitting.run(during=during).status != 0


def start_again(submitting: Submitting) -> None:
    """What a user is told where the killed submitter's jobs still run, and does."""
    slurm = submitting.slurm
    assert "--unlock" in submitting.run().output
    assert submitting.run("--unlock").status == 0
    left = [job["id"] for job in slurm.jobs("PENDING", "RUNNING", "SUSPENDED")]
    assert left, "a submitter that is killed cancels nothing"
    refused = submitting.run()
    assert refused.status == 1
    assert f"Slurm still has jobs of an earlier run in {submitting.directory}" in refused.output
    [named] = re.findall(r"scancel ([\d ]+)\. Then start again", refused.output)
    assert set(named.split()) == set(left)
    slurm.ask("scancel", *left)
    wait_until_idle(slurm)


def lose_a_node(submitting: Submitting) -> Outcome:
    """Go on to the end, with a node that goes down under a job."""

    def during(running: subprocess.Popen[bytes]) -> None:
        assert submitting.job_of(running, "extract_sources")["node"] == "one"
        submitting.slurm.down("one")

    return submitting.run(during=during)


def show(capsys: pytest.CaptureFixture[str], what: str, jobs: list[dict[str, str]], began: float) -> None:
    """The figures of a run, for whoever runs this by hand."""
    states = dict(Counter(job["state"] for job in jobs))
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {len(jobs)} jobs in {time.monotonic() - began:.0f} s: {states}\n")


def test_a_week_in_minutes(slurm: Slurm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed for memory, a node down, jobs cancelled, the submitter killed: the bytes of a local run."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install '.[cluster]'")
    directory, whole, began = tmp_path / "run", tmp_path / "whole", time.monotonic()
    directory.mkdir()
    submitting = Submitting(slurm, directory, *SHORT_OF_MEMORY, targets=MIXTURES)
    cancel_and_kill(submitting)
    start_again(submitting)
    outcome = lose_a_node(submitting)
    assert outcome.status == 0, outcome.output
    jobs = slurm.jobs()
    show(capsys, "faults", jobs, began)
    assert {job["partition"] for job in jobs_of(jobs, "compose_songs", "extract_sources")} == {"cpu"}
    mixing = jobs_of(jobs, "draw_mixtures")
    assert {(job["partition"], job["node"]) for job in mixing} == {("gpu", "two")}
    assert {job["gpus"] for job in mixing} == {"gres:gpu:1"}
    ends = {(job["memory"] == "100M", job["state"] == "COMPLETED") for job in mixing}
    assert ends == {(True, False), (False, True)}, "the first two too small, the second two with 1600 MB"
    moved = [job for job in jobs if job["restarts"] != "0"]
    assert moved
    assert {(job["node"], job["state"]) for job in moved} == {("two", "COMPLETED")}
    whole.mkdir()
    assert run(whole, *SCATTER, targets=MIXTURES).status == 0
    made = ["results/slakh/sources", *MIXTURES]
    assert digests(directory, *made) == digests(whole, *made)


def test_the_whole_run(slurm: Slurm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs are placed by what they ask for, short ones go together; the bytes are those of a local run."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install '.[cluster]'")
    directory, whole, began = tmp_path / "run", tmp_path / "whole", time.monotonic()
    directory.mkdir()
    asking = ["--set-resources", *(f"{rule}:gpu=1" for rule in GPU_RULES)]
    outcome = Submitting(slurm, directory, *asking, targets=()).run()
    assert outcome.status == 0, outcome.output
    jobs = slurm.jobs()
    show(capsys, "the whole run", jobs, began)
    on_gpu = jobs_of(jobs, *GPU_RULES)
    assert {(job["partition"], job["node"]) for job in on_gpu} == {("gpu", "two")}
    assert {job["partition"] for job in jobs if job not in on_gpu} == {"cpu"}
    assert not jobs_of(jobs, "separate_mixtures", "score_estimates", "tokenize_sources"), "they go in groups"
    assert len(jobs_of(jobs, "rows")) == 2, "nine rows in groups of eight"
    whole.mkdir()
    assert run(whole, *SCATTER).status == 0
    assert digests(directory, *FINAL) == digests(whole, *FINAL)
