"""The conda route installs what the lock pins."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_environment_lists_the_packages_of_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w.\-]+==[^\s\\;]+)", lock, re.MULTILINE)
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"][-1]["pip"] == pinned
    assert any(package.startswith("torch==2.11.") for package in pinned)
