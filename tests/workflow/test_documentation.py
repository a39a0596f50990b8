"""What the documents say against what is there: commands, configurations, keys, files, links; and style."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser
from snakemake.utils import update_config

from lass.config import json_schema, parse_config
from tests.workflow.runner import ROOT, dry_run, with_models

pytestmark = pytest.mark.workflow

README_LINES = 150
FILES = [
    ROOT / "README.md",
    ROOT / "results" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
DOCUMENTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
RULE_FILES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow").rglob("*.smk"))
RULES = set(re.findall(r"^rule (\w+):", RULE_FILES, re.MULTILINE))
SCHEMA = json_schema()
PLACES = [SCHEMA, *SCHEMA["$defs"].values()]
"""Every section of the configuration's schema, the whole of it first."""

# --- commands ---

FEW_JOBS = ["--set-scatter", "tokens=1", "counts=1", "mixtures=1"]
ELSEWHERE = ("--unlock", "--lint", "--default-storage-provider")
"""Options of commands that run no rule, or in a bucket of the reader's: that has a test of its own."""
ASIDE = ("--cores", "--directory", "--snakefile", "--workflow-profile", "--configfile")
"""Options that a test replaces by its own."""
OF_READER = ("mine.yaml", "FILE")
"""What documents call a file of overrides that a reader has written."""
MNIST = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]


PICTURES = yaml.safe_load((ROOT / "config" / "paper_pictures.yaml").read_text(encoding="utf-8"))
WORDNET = tuple(PICTURES["datasets"]["imagenet"]["files"].values())
"""Folders of the classes of ImageNet."""


def commands() -> Iterator[str]:
    """Every command of Snakemake in the documents, in blocks of shell or within a line."""
    for text in DOCUMENTS.values():
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                yield from (part.strip() for part in line.split("&&"))
        yield from (part.replace("\n", " ") for part in re.findall(r"`(snakemake [^`]+)`", text))


COMMANDS = sorted({" ".join(line.split()) for line in commands() if line.startswith("snakemake ")})


def words_of(line: str) -> list[str]:
    """The words of a command as a shell reads them."""
    printing = ["bash", "-c", f"printf '%s\\0' {line}"]
    done = subprocess.run(printing, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[1:-1]


def option_values(words: list[str], option: str) -> list[str]:
    """What follows an option, up to the next one."""
    if option not in words:
        return []
    rest = words[words.index(option) + 1 :]
    end = next((place for place, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


def without_options(words: list[str]) -> list[str]:
    """The words without the options in ASIDE and their values, and without targets."""
    kept = list(words)
    for option in ASIDE:
        if option in kept:
            place = kept.index(option)
            values = len(option_values(kept, option)) if option == "--configfile" else 1
            del kept[place : place + 1 + values]
    return [word for word in kept if word != "--" and not word.startswith("results/")]


def make_data(folder: Path) -> None:
    """Something at every path that the documents call /path/to/...: splits, and the files of MNIST."""
    for name in sorted(set(re.findall(r"/path/to/(\w+)", "\n".join(DOCUMENTS.values())))):
        splits = ("train", "test") if name == "musdb18hq" else ("train", "validation", "test")
        for split in splits:
            for kind in ("speech", *WORDNET):  # the class of utterances, those of pictures
                (folder / name / split / kind).mkdir(parents=True)
        for file in MNIST:
            (folder / name / file).write_bytes(b"\0")
    for package in set(re.findall(r"package: ([\w-]+)", (ROOT / "config/speech.yaml").read_text())):
        (folder / "packages" / f"{package}_1_all.deb").write_bytes(b"\0")


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 20


def runs() -> dict[tuple[str, ...], str]:
    """A command for each different run, but for where it runs and on how many cores."""
    found: dict[tuple[str, ...], str] = {}
    for line in COMMANDS:
        words = words_of(line)
        if not set(ELSEWHERE) & set(words):
            targets = [word for word in words if word.startswith("results/")]
            parts = (*without_options(words), *option_values(words, "--configfile"), *sorted(targets))
            found.setdefault(parts, line)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("line", runs().values())
def test_command(tmp_path: Path, line: str) -> None:
    make_data(tmp_path / "data")
    words = [word.replace("/path/to/", f"{tmp_path}/data/") for word in words_of(line)]
    for option in ("--set-threads", "--set-resources"):
        named = {re.split("[:=]", word)[0] for word in option_values(words, option)}
        assert named <= RULES, f"{option} of no rule"
    for profile in option_values(words, "--workflow-profile")[:1]:
        assert profile == "none" or (ROOT / profile / "profile.yaml").is_file()
    own = tmp_path / "mine.yaml"
    configs = [own if name in OF_READER else ROOT / name for name in option_values(words, "--configfile")]
    own.write_text("seed: 0\n")
    configs.append(with_models(tmp_path, [path for path in configs if path != own]))
    options = without_options(words)
    options += [] if "--set-scatter" in options else FEW_JOBS
    targets = [word for word in words if word.startswith("results/")]
    outcome = dry_run(tmp_path, *options, targets=targets, configs=configs)
    assert outcome.status == 0, outcome.output
    assert outcome.jobs, outcome.output


# --- configurations and keys ---


def configurations() -> Iterator[tuple[str, str, str]]:
    """Document, the file of overrides that comes first (or nothing) and text of every block of YAML."""
    for name, text in DOCUMENTS.items():
        for found in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            before = text[: found.start()].rstrip().rsplit("\n\n", 1)[-1]
            base = re.search(r"on top of\s+`(config/\w+\.yaml)`", before)
            yield name, base[1] if base else "", found[1]


CONFIGURATIONS = list(configurations())


def merged(*texts: str) -> dict[str, Any]:
    """The default configuration with overrides, as Snakemake merges them."""
    default = (ROOT / "config" / "config.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = {}
    for text in (default, *texts):
        update_config(values, yaml.safe_load(text))
    return values


def test_configurations_are_found() -> None:
    assert len(CONFIGURATIONS) > 10
    assert any(base for _, base, _ in CONFIGURATIONS)


@pytest.mark.parametrize(("name", "base", "text"), CONFIGURATIONS)
def test_configuration(name: str, base: str, text: str) -> None:
    first = [(ROOT / base).read_text(encoding="utf-8")] if base else []
    assert parse_config(merged(*first, text)).datasets, name


@pytest.mark.slow
@pytest.mark.parametrize("text", [text for name, _, text in CONFIGURATIONS if name == "docs/recipes.md"])
def test_recipe_can_be_run(tmp_path: Path, text: str) -> None:
    make_data(tmp_path / "data")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("/path/to/", f"{tmp_path}/data/"), encoding="utf-8")
    outcome = dry_run(tmp_path, *FEW_JOBS, configs=[own])
    assert outcome.status == 0, outcome.output
    assert outcome.jobs


def sections(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections that a node of the schema may be: one, or several of a union."""
    if "$ref" in node:
        return sections(SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]])
    choices = [*node.get("anyOf", []), *node.get("oneOf", []), *node.get("allOf", [])]
    return [section for choice in choices for section in sections(choice)] or [node]


def below(node: dict[str, Any], part: str) -> list[dict[str, Any]]:
    """What stands at the key `part` of a section; names that the user chooses are all there."""
    if part in node.get("properties", {}):
        return sections(node["properties"][part])
    chosen = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return [section for one in chosen if isinstance(one, dict) for section in sections(one)]


def is_key(path: str, places: list[dict[str, Any]] = PLACES) -> bool:
    """Whether a dotted key stands in the configuration, counted from any section."""
    for part in path.split("."):
        places = [section for node in places for section in below(node, part)]
    return bool(places)


def test_keys_are_told_from_others() -> None:
    assert is_key("datasets.slakh.separation.decoders.beam.hypotheses")
    assert is_key("codec.training.steps")
    assert is_key("priors.<name>.checkpoint")
    assert not is_key("separation.samplers.beam.hypotheses")
    assert not is_key("separation.decoders.beam.temperatur")


FIRST_PARTS = {name for node in PLACES for name in node.get("properties", {})}
SUFFIX = r"\.(csv|json|md|parquet|png|py|safetensors|smk|tsv|yaml|gz)$"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_keys_in_prose_exist(name: str) -> None:
    """Dotted keys, and keys with their value, as in `choice: joint`."""
    dotted = re.findall(r"`(\w+(?:\.(?:\w+|<\w+>))+)`", DOCUMENTS[name])
    meant = [key for key in dotted if key.split(".")[0] in FIRST_PARTS and not re.search(SUFFIX, key)]
    assert [key for key in meant if not is_key(key)] == []
    for key, value in re.findall(r"`([\w.]+): (\w+)`", DOCUMENTS[name]):
        assert is_key(key), key
        parts = key.split(".")
        last = [node["properties"].get(parts[-1], {}) for node in PLACES if "properties" in node]
        words = {word for one in last for node in sections(one) for word in node.get("enum", [])}
        words |= {node["const"] for one in last for node in sections(one) if "const" in node}
        assert not words or value in words | {"null"}, f"{key}: {value}"


# --- files and links ---


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#\s]*)(#([^)\s]+))?\)", DOCUMENTS[name]):
        if target.startswith(("http://", "https://")):
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{target}#{anchor}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_exist(name: str) -> None:
    roots = "lass|workflow|config|docs|tests|profiles"
    roots += "" if name == "results/README.md" else "|benchmarks"  # which a run has, too
    paths = set(re.findall(rf"(?<![\w./{{}}-])(?:{roots})/[\w./-]*\w", DOCUMENTS[name]))
    paths -= {"lass/Snakefile"}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


MADE = [
    re.sub(r"\{\{?\w+\}?\}", "{}", path).split("/")
    for path in re.findall(r"[\"'](results/[\w./{}-]+)[\"']", RULE_FILES)
]
"""Everything below results/ that a rule names, part by part; {} for what a wildcard stands for."""


def is_made(path: str) -> bool:
    """Whether rules make a path, or something in it."""
    parts = re.sub(r"\{\w+\}", "x", path).split("/")
    return any(len(parts) <= len(one) and all(map(matches, parts, patterns(one))) for one in MADE)


def matches(part: str, pattern: str) -> bool:
    """Whether a part of a path is of a pattern."""
    return re.fullmatch(pattern, part) is not None


def patterns(parts: list[str]) -> list[str]:
    """Patterns of the parts of a path: what stands for a wildcard has a suffix at the end at most."""
    escaped = [re.escape(part) for part in parts]
    folders = [part.replace(r"\{\}", r"\w+") for part in escaped[:-1]]
    return [*folders, escaped[-1].replace(r"\{\}", r"[\w.]+")]


def test_results_are_told_from_others() -> None:
    assert is_made("results/slakh_sdr.csv")
    assert is_made("results/benchmarks/rules/draw_candidates")
    assert not is_made("results/slakh/vqvae.safetensors")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_results_are_made(name: str) -> None:
    paths = {path.rstrip("/") for path in re.findall(r"`(results/[\w./{}-]+)`", DOCUMENTS[name])}
    known = {"results/README.md", "results/benchmarks"}
    assert sorted(path for path in paths - known if not is_made(path)) == []


def outputs() -> Iterator[str]:
    """What rules write, as their files say it."""
    for block in re.findall(r"^    output:\n(.*?)^    log:", RULE_FILES, re.MULTILINE | re.DOTALL):
        yield from re.findall(r'"(results/[^"]+)"', block)


@pytest.mark.parametrize("path", sorted(set(outputs())))
def test_results_are_documented(path: str) -> None:
    """Every output, by the name that results/README.md gives its wildcards."""
    text = DOCUMENTS["results/README.md"]
    short = path.removeprefix("results/").removeprefix("{dataset}/").replace("{scatteritem}", "{shard}")
    examples = {
        "{dataset}_{table}": ["{dataset}_sdr", "{dataset}_psnr", "{dataset}_decoders"],
        "{table}.csv": ["density.csv", "priors.csv", "timing.csv"],
        "idx/{file}": ["idx/*"],
    }
    for pattern, names in examples.items():
        if short.startswith(pattern) and f"`{short}`" not in text:
            assert all(f"`{short.replace(pattern, name)}`" in text for name in names)
            return
    inside = ("", "/", "/TrackNNNNN/", "/{class}/{voice}/NNNNN.flac")
    assert any(f"`{short}{each}`" in text for each in inside)


def test_rules_are_documented() -> None:
    text = DOCUMENTS["results/README.md"]
    assert all(rule in text for rule in RULES - {"all"})
    named = {
        rule for cell in re.findall(r"\| ([\w, ]+) \|$", text, re.MULTILINE) for rule in cell.split(", ")
    }
    assert {rule for rule in named if "_" in rule} <= RULES


def test_readme_is_short() -> None:
    assert len(DOCUMENTS["README.md"].splitlines()) <= README_LINES


# --- style ---


@pytest.mark.parametrize("name", ["cluster-generic", "default", "slurm"])
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
