"""The workflow's own style, and what is written about the configuration against the configuration."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser

from lass.config import json_schema, resolved
from tests.workflow.runner import FINAL, ROOT

pytestmark = pytest.mark.workflow

README = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
# | `key` | meaning | unit | default | rules |
ROWS = re.findall(r"^\| `([\w.<>]+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", README, re.MULTILINE)

# Sections whose names the user chooses: the entry whose values are documented.
EXAMPLES = {
    "separation.samplers": "beam",
    "separation.methods": "refined",
    "priors": "drums",
    "separation.priors": "drums",
    "mnist.priors": "digits",
    "mnist.separation.priors": "zero",
    "mnist.separation.samplers": "top_k_64",
    "mnist.separation.methods": "lass",
}


def schema_keys(node: dict[str, Any], path: str = "") -> Iterator[str]:
    """Dotted keys of all values that a schema describes; names that the user chooses are `<name>`."""
    node = resolved(node, json_schema())
    if node.get("type") != "object" or path == "image_sets":  # each of which has the keys of mnist
        yield path
        return
    for name, child in node.get("properties", {}).items():
        yield from schema_keys(child, f"{path}.{name}" if path else name)
    for child in node.get("patternProperties", {}).values():
        chosen = "<class>" if path.endswith("separation.priors") else "<name>"
        yield from schema_keys(child, f"{path}.{chosen}")


def default_of(key: str) -> Any:
    value = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    examples = EXAMPLES | ({"separation.methods": "masked"} if ".mask." in key else {})
    path = ""
    for part in key.split("."):
        value = value[examples[path] if part in ("<name>", "<class>") else part]
        path = f"{path}.{part}".removeprefix(".")
    return value


def test_every_key_is_documented_once() -> None:
    assert sorted(key for key, *_ in ROWS) == sorted(schema_keys(json_schema()))


@pytest.mark.parametrize(("key", "default"), [(row[0], row[3]) for row in ROWS])
def test_documented_default(key: str, default: str) -> None:
    assert yaml.safe_load(default) == default_of(key), "config/README.md and config/config.yaml differ"


def test_documented_rules_exist() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow" / "rules").iterdir())
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    named = {name for *_, names in ROWS for name in re.findall(r"\w+_\w+", names)}
    assert named <= rules
    results = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert all(rule in results for rule in rules - {"all"})


@pytest.mark.parametrize("name", FINAL)
def test_results_are_documented(name: str) -> None:
    text = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert f"`{Path(name).name}" in text or "priors/{prior}.safetensors" in text


@pytest.mark.parametrize("name", ["default", "slurm"])
def test_profile_sets_known_options(name: str) -> None:
    path = ROOT / "workflow" / "profiles" / name / "profile.yaml"
    options = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    unknown = {option for option in options if f"--{option}" not in known}
    assert not {option for option in unknown if not option.startswith(f"{name}-")}
    assert (ROOT / "profiles" / name / "profile.yaml").samefile(path), "Snakemake looks beside the Snakefile"


@pytest.mark.parametrize(
    "command",
    [["snakemake", "--lint"], ["snakefmt", "--check", "Snakefile", "workflow"]],
    ids=lambda command: command[0],
)
def test_style(command: list[str]) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
