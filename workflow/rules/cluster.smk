"""What jobs on other machines ask for, and what is still there of an earlier run: functions, no rules."""

import subprocess


def memory(megabytes):
    """Memory of a job: a retry, as after a job that was killed for its memory, asks for as much again on top."""
    return lambda wildcards, attempt: megabytes * attempt


def minutes(limit):
    """Time of a job, which a retry asks more of in the same way."""
    return lambda wildcards, attempt: limit * attempt


def refuse_what_still_runs():
    """Stop where Slurm still has jobs of an earlier run in this folder: two would write the same files.

    A Snakemake that is killed cannot cancel its jobs, and the next one does not know of them. They are told by
    their logs, which lie in the folder of the run.
    """
    if workflow.executor_plugin.name != "slurm":
        return
    asked = ["squeue", "--me", "--noheader", "--Format=JobID:20,STDOUT:2000"]
    done = subprocess.run(asked, capture_output=True, text=True)
    if done.returncode:
        raise WorkflowError(
            f"squeue does not answer ({done.stderr.strip()}), so that jobs of an earlier run cannot be told: start again "
            "when it does. No job has been submitted."
        )
    logs = str(Path.cwd() / ".snakemake" / "slurm_logs")
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    left = [number for number, log in (row for row in rows if len(row) == 2) if log.startswith(logs + "/")]
    if left:
        raise WorkflowError(
            f"Slurm still has jobs of an earlier run in {Path.cwd()}, and two would write the same files: wait for "
            f"their end, or end them with: scancel {' '.join(left)}. Then start again. No job has been submitted."
        )
