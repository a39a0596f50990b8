"""Shared by all files of rules: the validated configuration, and paths and parameters that depend on it.

A rule for every data set has the wildcard {dataset}, a rule for images {images}; rules of music have neither.
"""

from itertools import chain
from pathlib import Path

from lass.config import BLIND, MUSIC_REFERENCES, REFERENCES, SUPERVISED, parse_config
from snakemake.exceptions import WorkflowError

REPOSITORY = Path(workflow.basedir)

try:
    settings = parse_config(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None

GPUS = 1 if settings.device == "cuda" else 0  # that a job on a GPU asks the cluster for
DATASETS = {"slakh": settings, **settings.images}


wildcard_constraints:
    dataset="|".join(["slakh", *settings.images]),
    images="|".join(settings.images),
    split="train|validation|test",
    sampler="|".join(sorted({*chain(*(part.separation.samplers for part in DATASETS.values()))})),
    prior="|".join(sorted({*chain(*(part.priors for part in DATASETS.values()))})),
    method="|".join(
        sorted(
            {
                *MUSIC_REFERENCES,
                *REFERENCES,
                *chain(*(part.separation.methods for part in DATASETS.values())),
            }
        )
    ),


scattergather:
    tokens=4,
    counts=8,
    mixtures=4,


def dataset_of(wildcards):
    """The data set that a job belongs to."""
    return wildcards.get("dataset") or wildcards.get("images") or "slakh"


def part_of(wildcards):
    """The settings of a job's data set: an image set, or the top level for music."""
    return DATASETS[dataset_of(wildcards)]


def section(wildcards, *names):
    """A part of a data set's settings as plain values, in the models' order of keys."""
    part = part_of(wildcards)
    for name in names:
        part = part[name] if isinstance(part, dict) else getattr(part, name)
    return part.model_dump(mode="json")


def weights(wildcards):
    """Alpha of every source of a mixture."""
    return part_of(wildcards).weights


def positions(wildcards):
    """S: tokens of one mixture."""
    return part_of(wildcards).tokens_per_mixture


def given_checkpoint(path):
    """A pretrained checkpoint where one is named and wanted: relative paths start at the repository."""
    return str(REPOSITORY / path) if settings.pretrained and path else None


def vqvae(wildcards):
    """The VQ-VAE in use: the configured checkpoint or the one trained here."""
    trained = f"results/{dataset_of(wildcards)}/vqvae.safetensors"
    return given_checkpoint(part_of(wildcards).vqvae.checkpoint) or trained


def priors(wildcards):
    """Checkpoint of the prior of every class, in the order of the classes."""
    part = part_of(wildcards)
    names = [part.separation.priors[source] for source in part.classes]
    trained = [f"results/{dataset_of(wildcards)}/priors/{name}.safetensors" for name in names]
    given = [given_checkpoint(part.priors[name].checkpoint) for name in names]
    return [path or default for path, default in zip(given, trained)]


def prior_of_each_class(wildcards):
    """Per class: its name, and name, classes and kind of its prior."""
    part, each = part_of(wildcards), []
    for source in part.classes:
        name = part.separation.priors[source]
        kind = part.priors[name].model_dump(include={"classes", "conditional"})
        each.append({"source": source, "prior": name, **kind})
    return each


def vqvae_shape(wildcards):
    """Those settings of the VQ-VAE that fix its network."""
    part = part_of(wildcards)
    shape = part.vqvae.model_dump(exclude={"checkpoint", "commitment", "spectral", "crop", "training"})
    return shape if part is settings else shape | {"image": list(part.image)}


def training_settings(wildcards, *names):
    """A section that trains a network, without the checkpoint that would take its place."""
    return {name: value for name, value in section(wildcards, *names).items() if name != "checkpoint"}
