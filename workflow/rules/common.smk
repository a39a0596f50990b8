"""Shared by all files of rules: the validated configuration, paths that depend on it, fingerprints of library code."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from lass.config import parse_config
from snakemake.exceptions import WorkflowError

REPOSITORY = Path(workflow.basedir)
METHODS = ["mixture", "codec_ceiling", "lass"]
# Number of the first song of a split: splits stay apart however many songs they have.
FIRST_SONG = {"train": 1, "validation": 100_001, "test": 200_001}

try:
    settings = parse_config(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None

GPUS = 1 if settings.device == "cuda" else 0  # that a job on a GPU asks the cluster for


wildcard_constraints:
    split="train|validation|test",
    prior="|".join(settings.priors),
    method="|".join(METHODS),


scattergather:
    tokens=4,
    counts=8,
    mixtures=4,


def section(*names):
    """A part of the configuration as plain values, in the models' order of keys."""
    part = settings.model_dump(mode="json")
    for name in names:
        part = part[name]
    return part


def songs(wildcards):
    """Folder of a split's songs, in Slakh's layout: composed here, or the user's."""
    if settings.slakh.source == "mini":
        return f"results/slakh/mini/{wildcards.split}"
    return f"{settings.slakh.root}/{wildcards.split}"


def library():
    """What every reader of the sources has to know about them."""
    return {"rate": settings.slakh.sample_rate, "classes": settings.slakh.classes}


def codec():
    """What a VQ-VAE has to agree on with the configuration."""
    return {"rate": settings.slakh.sample_rate, "hop": settings.vqvae.hop}


def given_checkpoint(path):
    """A pretrained checkpoint where one is named and wanted: relative paths start at the repository."""
    return str(REPOSITORY / path) if settings.pretrained and path else None


def vqvae(wildcards):
    """The VQ-VAE in use: the configured checkpoint or the one trained here."""
    return given_checkpoint(settings.vqvae.checkpoint) or "results/slakh/vqvae.safetensors"


def priors(wildcards):
    """Checkpoint of the prior of every source, in the order of the classes."""
    names = [settings.separation.priors[source] for source in settings.slakh.classes]
    trained = [f"results/slakh/priors/{name}.safetensors" for name in names]
    given = [given_checkpoint(settings.priors[name].checkpoint) for name in names]
    return [path or default for path, default in zip(given, trained)]


def prior_of_each_source():
    """Per source: its class, and name, classes and kind of its prior."""
    each = []
    for source in settings.slakh.classes:
        name = settings.separation.priors[source]
        kind = settings.priors[name].model_dump(include={"classes", "conditional"})
        each.append({"source": source, "prior": name, **kind})
    return each


def vqvae_shape():
    """Those settings of the VQ-VAE that fix its network."""
    return settings.vqvae.model_dump(exclude={"checkpoint", "commitment", "spectral", "crop", "training"})


def training_settings(*names):
    """A section that trains a network, without the checkpoint that would take its place."""
    return {name: value for name, value in section(*names).items() if name != "checkpoint"}


def method():
    """How sequences are decoded."""
    names = ["hypotheses", "likelihood_weight", "temperature", "top_k"]
    return {"name": settings.separation.method} | {name: section("separation")[name] for name in names}


def separated_codes(wildcards):
    """Codes behind a shard's estimates: those of `lass` only, the other methods have none."""
    if wildcards.method != "lass":
        return {}
    return {"codes": f"results/slakh/{wildcards.split}/lass/{wildcards.scatteritem}.parquet"}


def kinds(method):
    """A label per source: equal where one unconditional prior leaves open which estimate is which source."""
    return [
        each["source"] if method != "lass" or each["conditional"] else f"{each['prior']} prior"
        for each in prior_of_each_source()
    ]


def imported_modules(tree):
    """Files of those modules of lass that a syntax tree imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = [REPOSITORY / f"{name.replace('.', '/')}.py" for name in names if name.startswith("lass.")]
    return sorted(path for path in files if path.is_file())


@cache
def source_digest(path):
    """Hash of a module's syntax tree without docstrings, and of every module of lass that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = imported_modules(tree)
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            node.body = [
                line
                for line in node.body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    parts = [ast.dump(tree), *(source_digest(module) for module in modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def code(script):
    """Fingerprint of the library code that a script runs: an edit reruns the script's rule, a comment does not."""
    return source_digest(REPOSITORY / "workflow" / "scripts" / f"{script}.py")
