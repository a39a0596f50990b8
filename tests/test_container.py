"""The container's file against what it is made of: the lock, the Makefile, the files of the workflow."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
STEPS = [
    tuple(line.split(maxsplit=1))
    for line in TEXT.replace("\\\n", " ").splitlines()
    if re.match(r"[A-Z]+ ", line)
]


def steps(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def copied() -> dict[str, str]:
    """Source to target of every file and folder that is copied."""
    found: dict[str, str] = {}
    for rest in steps("COPY"):
        *sources, target = rest.split()
        found |= dict.fromkeys(sources, target)
    return found


def build_context(folder: Path) -> Path:
    """What the container holds before and after the environment is made."""
    folder.mkdir(exist_ok=True)
    for source, target in copied().items():
        path = ROOT / source
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.part")
            shutil.copytree(path, folder / target, ignore=ignored)
        else:
            shutil.copy(path, folder / target)
    return folder


def test_steps_are_known_and_in_order() -> None:
    words = [name for name, _ in STEPS]
    assert words[0] == "FROM"
    assert set(words) <= {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "CMD"}
    assert steps("FROM") == ["debian:bookworm-slim"]
    made = words.index("RUN", words.index("COPY"))
    before = [rest for name, rest in STEPS[:made] if name == "COPY"]
    assert {"requirements.lock", "pyproject.toml", "Makefile"} <= set(" ".join(before).split())
    assert [rest for rest in before if "workflow" in rest] == [], "an edit of a rule installs nothing anew"


def test_python_is_that_of_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [version] = set(re.findall(r"python(\d\.\d+)", TEXT))
    assert project["requires-python"].startswith(f">={version},")
    assert "RUN make env PYTHON=/usr/bin/python3.11" in TEXT
    assert "PATH=/opt/lass/.venv/bin:$PATH" in steps("ENV")


def test_what_is_copied_makes_the_environment(tmp_path: Path) -> None:
    """The Makefile finds all that its steps name, and they install the lock with its hashes."""
    context = build_context(tmp_path)
    if shutil.which("make") is None:
        pytest.skip("no make here")
    line = ["make", "--dry-run", "env", f"PYTHON={sys.executable}"]
    done = subprocess.run(line, cwd=context, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--require-hashes --requirement requirements.lock" in done.stdout
    assert "--no-deps --no-build-isolation --editable ." in done.stdout


@pytest.mark.workflow
def test_what_is_copied_runs_the_workflow(tmp_path: Path) -> None:
    context = build_context(tmp_path / "context")
    if "RUN ln -s workflow/profiles profiles" in TEXT:
        (context / "profiles").symlink_to("workflow/profiles")
    line = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--quiet", "rules"]
    line += ["--directory", str(tmp_path / "run"), "--configfile", "config/test.yaml"]
    done = subprocess.run(line, cwd=context, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^train_codec +1$", done.stdout, re.MULTILINE)
