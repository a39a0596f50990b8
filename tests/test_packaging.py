"""The distribution holds every module, and asks for what they import and nothing else."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WITH_TORCH = {"triton"}
"""Comes with torch where there is a build of it; the kernels do without elsewhere."""
FOUND_AS_FILES = {"museval", "pretty-midi"}
"""What lass opens without importing the package: `importlib.util.find_spec` names it."""


def name_of(requirement: str) -> str:
    """The normalised name of a distribution out of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]).lower()


def top_modules(source: str) -> Iterator[str]:
    """The first part of every module that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_every_folder_of_modules_is_a_package_of_the_distribution() -> None:
    setuptools = pytest.importorskip("setuptools")
    patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "lass").rglob("*.py")}
    assert sorted(setuptools.find_packages(ROOT, include=patterns)) == sorted(
        ".".join(folder.parts) for folder in folders
    )


def test_templates_are_installed_with_their_modules(tmp_path: Path) -> None:
    """All files of the library come with it, not only its modules."""
    pytest.importorskip("setuptools")
    source, built = tmp_path / "source", tmp_path / "built"
    shutil.copytree(ROOT / "lass", source / "lass", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    line = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build_py", "-d", str(built)]
    done = subprocess.run(line, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {path.relative_to(source) for path in (source / "lass").rglob("*") if path.is_file()}
    assert Path("lass/evaluation/page/page.html") in expected
    assert {path.relative_to(built) for path in built.rglob("*") if path.is_file()} == expected


def test_the_library_asks_for_what_it_imports_and_nothing_else() -> None:
    declared = {name_of(each) for each in PROJECT["project"]["dependencies"]}
    assert name_of("torch==2.11.*") == name_of("Torch") == "torch"
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "lass").rglob("*.py")]
    modules = {module for source in sources for module in top_modules(source)}
    known, outside = packages_distributions(), modules - sys.stdlib_module_names - {"lass", *WITH_TORCH}
    imported = {name_of(known[module][0]) for module in outside}
    assert declared == imported | FOUND_AS_FILES
    assert all(any(name.replace("-", "_") in source for source in sources) for name in FOUND_AS_FILES)


def test_the_lock_has_the_library_and_its_extras() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name_of(line) for line in re.findall(r"^[\w.\-]+==", lock, re.MULTILINE)}
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *extras["cluster"], *extras["dev"], *extras["workflow"]]
    assert {name_of(each) for each in asked} <= pinned
