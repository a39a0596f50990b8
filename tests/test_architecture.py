"""Which room may open which door, how large a room may be, and what stays out of the library.

The rooms are the modules and packages of `lass` and the workflow around them. Every check is a function from
source text to complaints, so that it is tried on a made-up offender before it judges the project.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Three rooms are open to every other: `writing` (files complete or absent: a second writer is a copy),
# `storage` (tensor files) and `settings` (what modules of settings are made of).
DOORS: dict[str, set[str]] = {
    "settings": set(),
    "writing": set(),
    "storage": {"writing"},
    "compute": {"settings"},
    "runtime": set(),
    "config": {"settings"},  # and the modules of settings of all rooms: LIGHT
    "songs": {"settings", "storage", "writing"},
    "tokens": {"settings", "storage", "writing"},
    "data": {"compute", "settings", "storage", "tokens", "writing"},
    "likelihood": {"settings", "storage", "writing"},
    "models": {"compute", "likelihood", "settings", "storage", "writing"},
    "training": {"compute", "models", "settings", "storage", "writing"},
    "separation": {"compute", "likelihood", "settings"},
    "evaluation": {"settings", "storage", "writing"},
    "pages": {"config", "data", "evaluation", "settings", "storage", "writing"},
    "methods": {
        "compute",
        "data",
        "likelihood",
        "models",
        "separation",
        "settings",
        "storage",
        "tokens",
        "writing",
    },
    "bundle": {
        "compute",
        "data",
        "likelihood",
        "methods",
        "models",
        "separation",
        "settings",
        "storage",
        "writing",
    },
    "shipped": set(),
    "api": {"bundle", "compute", "data", "settings"},
    "cli": {"api", "bundle", "data", "models", "pages", "runs", "settings", "writing"},
    "runs": {"bundle", "config", "data", "evaluation", "settings"},
}
"""Room of `lass` to the other rooms that it may import; a module of `lass` in no room is an error."""

LIGHT = re.compile(
    r"lass\.(\w+\.(\w+_)?settings|data\.contents|data\.programs|data\.sources|data\.images\.names|models\.given)(\.\w+)?"
)
"""Torch-free: settings, what looks at a user's folder or at headers, the registry of public data."""
FAMILIES = ("blind", "ceiling", "class_nmf", "diffusion", "latent", "oracles", "supervised")
"""Families of methods: none imports another."""

FUNCTION_LINES = 50
PARAMETERS = 7
COMMANDS = {"separate", "import_files", "assemble"}  # of the command line: their parameters are its options
MODULE_LINES = 350
SCRIPT_LINES = 60
RULE_FILE_LINES = 150
SNAKEFILE_LINES = 40

LIBRARY = sorted((ROOT / "lass").rglob("*.py"))
SCRIPTS = sorted((ROOT / "workflow" / "scripts").rglob("*.py"))
RULES = sorted((ROOT / "workflow").rglob("*.smk"))
SNAKEFILE = ROOT / "Snakefile"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- the checks ---


def imported_modules(source: str) -> Iterator[str]:
    """Every module that a Python source imports anywhere in it, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def wrong_doors(source: str, *, room: str) -> list[str]:
    """The imports of a module in `room` that no door of DOORS allows."""
    allowed = {room, *DOORS[room], "__version__"}
    complaints = []
    for module in imported_modules(source):
        top, *inner = module.split(".")
        if module == "lass.__version__" or (room == "config" and LIGHT.fullmatch(module)):
            continue
        if top in ("", "workflow") or (top == "lass" and (not inner or inner[0] not in allowed)):
            complaints.append(f"lass.{room} may not import {module}")
    return complaints


def other_families(source: str, *, family: str) -> list[str]:
    """The imports of a method's module of another family."""
    others = "|".join(name for name in FAMILIES if name != family)
    return [name for name in imported_modules(source) if re.match(rf"lass\.methods\.({others})\b", name)]


def wrong_rule_imports(source: str) -> list[str]:
    """The imports of a Snakefile or rule file that are heavy or reach into lass beyond lass.config."""
    lines = re.findall(r"^\s*((?:from|import)\s+[\w., ]+)", source, re.MULTILINE)
    heavy = r"\b(torch|torchaudio|numpy|scipy|pandas|pyarrow|matplotlib)\b"
    return [
        line.strip()
        for line in lines
        if re.search(heavy, line)
        or (re.search(r"\blass\b", line) and not re.match(r"from lass\.config import ", line))
    ]


def oversized(source: str) -> list[str]:
    """Functions over the limits of lines and parameters (`self` and `cls` not counted)."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        names = [
            argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        ]
        parameters = len(names) - (names[:1] in (["self"], ["cls"]))
        if lines > FUNCTION_LINES:
            complaints.append(f"{node.name}: {lines} lines ({FUNCTION_LINES})")
        if parameters > PARAMETERS and node.name not in COMMANDS:
            complaints.append(f"{node.name}: {parameters} parameters ({PARAMETERS})")
    return complaints


def unfit_for_a_library(source: str) -> list[str]:
    """Calls of print and breakpoint, and what stands for code that is not written yet, line by line."""
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    faulty = [
        node for node in names if node.id in ("print", "breakpoint") or node.id.startswith("NotImplemented")
    ]
    return [f"line {node.lineno}: {node.id}" for node in sorted(faulty, key=lambda node: node.lineno)]


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


# --- the checks find offenders ---


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("likelihood", "from lass.models.vqvae import Vqvae"),
        ("likelihood", "from lass import models"),
        ("likelihood", "import lass"),
        ("evaluation", "import lass.tokens"),
        ("separation", "from lass.models import transformer"),
        ("training", "def late():\n    from lass.data.audio.files import read_audio"),
        ("models", "from lass.training import train"),
        ("data", "from .. import tokens"),
        ("config", "from workflow.scripts import train_prior"),
    ],
)
def test_a_wrong_door_is_seen(room: str, statement: str) -> None:
    assert len(wrong_doors(statement, room=room)) == 1


def test_a_right_door_is_open() -> None:
    assert not wrong_doors("import torch\nfrom lass.likelihood.tensor import Likelihood", room="separation")
    assert not wrong_doors("from lass import __version__\nfrom lass.data.audio.files import mix", room="data")


def test_the_configuration_may_read_settings_alone() -> None:
    assert not wrong_doors("from lass.models.settings import Training", room="config")
    assert wrong_doors("from lass.models.vqvae import Vqvae", room="config")
    assert wrong_doors("from lass.separation.settings_of import other", room="config")


def test_a_method_that_imports_another_is_seen() -> None:
    assert other_families("from lass.methods.blind.separate import f", family="oracles")
    assert not other_families("from lass.methods.blind.separate import f", family="blind")
    assert not other_families("from lass.methods.protocol import Given", family="blind")


def test_a_wrong_import_of_a_rule_file_is_seen() -> None:
    assert not wrong_rule_imports(
        "from pathlib import Path\nfrom lass.config import load\nrule all:\n    input: 'x'"
    )
    for line in (
        "import numpy as np",
        "    import torch",
        "from lass.tokens import read",
        "import lass.config",
    ):
        assert wrong_rule_imports(line), line


def test_an_oversized_function_is_seen() -> None:
    assert oversized("def f(self, a, b, c, d, *, e, g, h, i):\n    pass") == ["f: 8 parameters (7)"]
    assert not oversized("def f(self, a, b, c, d, *, e, g, h):\n    pass")
    assert not oversized("def separate(a, b, c, d, e, g, h, i):\n    pass")
    assert oversized("def f():\n" + "    x = 1\n" * FUNCTION_LINES) == ["f: 51 lines (50)"]


def test_a_print_is_seen() -> None:
    assert unfit_for_a_library("print(1)\nraise NotImplemented") == [
        "line 1: print",
        "line 2: NotImplemented",
    ]
    assert not unfit_for_a_library("'''print nothing'''")


# --- the project ---


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_module_of_the_library(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    room = path.relative_to(ROOT / "lass").with_suffix("").parts[0]
    if room == "__init__":
        assert set(imported_modules(source)) == {"importlib.import_module", "typing.Any"}, (
            "lass/__init__.py imports nothing of its own, so that lass.config stays light"
        )
        return
    assert room in DOORS, f"lass.{room} has no row in DOORS: say which rooms it may import"
    assert not wrong_doors(source, room=room)
    if room == "methods":
        assert not other_families(
            source, family=path.relative_to(ROOT / "lass/methods").parts[0].removesuffix(".py")
        )
    assert not oversized(source)
    assert not unfit_for_a_library(source)
    assert line_count(path) <= MODULE_LINES


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_script(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert line_count(path) <= SCRIPT_LINES
    assert not oversized(source)
    assert "__future__" not in source, "Snakemake puts a preamble before the script: no __future__ import"


@pytest.mark.parametrize("path", RULES, ids=name_of)
def test_rule_file(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert line_count(path) <= RULE_FILE_LINES
    assert not wrong_rule_imports(source)
    assert not re.findall(r"^\s*(?:run|checkpoint)\b.*:", source, re.MULTILINE), (
        "scripts instead of run blocks"
    )
    assert source.startswith('"""'), "a rule file opens with what it needs and makes"
    assert not (re.findall(r"^def ", source, re.MULTILINE) and re.findall(r"^rule ", source, re.MULTILINE)), (
        "a file holds rules or helper functions, not both"
    )


def test_snakefile() -> None:
    assert line_count(SNAKEFILE) <= SNAKEFILE_LINES
    assert not wrong_rule_imports(SNAKEFILE.read_text(encoding="utf-8"))


def test_every_room_is_looked_at() -> None:
    assert {path.relative_to(ROOT / "lass").with_suffix("").parts[0] for path in LIBRARY} - {
        "__init__"
    } == set(DOORS)
    assert SCRIPTS
    assert RULES


def test_the_configuration_is_light() -> None:
    code = (
        "import sys, lass.config;"
        "heavy = {'torch', 'numpy', 'scipy', 'pyarrow', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'lass.config imports {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
