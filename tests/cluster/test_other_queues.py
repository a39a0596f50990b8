"""The profile for queues without a plugin, with a queue whose commands are a stub."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.launching import PATIENCE
from tests.workflow.runner import ROOT, SCATTER, THREADS, arguments

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PROFILE = ROOT / "workflow" / "profiles" / "cluster-generic"
STATUS = PROFILE / "status.sh"
SPLIT = "results/slakh/sources/validation"


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """Folder with the commands of the queue."""
    folder = tmp_path / "queue"
    folder.mkdir()
    source = Path(__file__).with_name("queue_stub.py").read_text(encoding="utf-8")
    for name in ("qsub", "qstat", "qdel"):
        (folder / name).write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def environment(queue: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{queue}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("code", "said"), [("0", "success"), ("1", "failed"), ("137", "failed"), (None, "running")]
)
def test_status(queue: Path, code: str | None, said: str) -> None:
    if code:
        (queue / "7.exit").write_text(code)
    done = subprocess.run([STATUS, "7"], env=environment(queue), capture_output=True, text=True, check=True)
    assert done.stdout == f"{said}\n"


def test_a_queue_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [STATUS, "7"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "running\n"


@pytest.mark.cluster
def test_a_job_that_the_queue_killed_asks_for_more(queue: Path, tmp_path: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_cluster_generic", reason="pip install '.[cluster]'")
    directory = tmp_path / "run"
    directory.mkdir()
    line = [sys.executable, "-m", "snakemake", "--workflow-profile", str(PROFILE), *THREADS, *SCATTER]
    line += ["--latency-wait", "20", *arguments(directory, targets=[SPLIT])]
    with (tmp_path / "output.txt").open("w") as output:
        done = subprocess.run(
            line,
            cwd=ROOT,
            env=environment(queue),
            stdout=output,
            stderr=output,
            check=False,
            timeout=PATIENCE,
        )
    assert done.returncode == 0, (tmp_path / "output.txt").read_text()
    assert (directory / SPLIT / "index.json").is_file()
    asked = [json.loads(path.read_text()) for path in sorted(queue.glob("*.json"))]
    names = [words[words.index("-N") + 1] for words in asked]
    assert names == ["compose_songs", "compose_songs", "extract_sources"]
    sizes = [re.findall(r"select=1:ncpus=1:mem=(\d+)mb:ngpus=0", " ".join(words)) for words in asked]
    assert sizes == [["4000"], ["8000"], ["4000"]]
    assert [words[words.index("-l", words.index("-l") + 1) + 1] for words in asked] == [
        "walltime=60:00",
        "walltime=120:00",
        "walltime=120:00",
    ]
