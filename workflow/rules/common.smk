"""Shared by all files of rules: the validated configuration, and what a rule asks of a job's data set.

What a data set answers stands in `lass.config`; here are only paths, and which files a method needs.
"""

import os
from pathlib import Path

from lass.config import MNIST_FILES, files_of_split, finds_gpu, fingerprint, has_gpu, parse_config
from snakemake.exceptions import WorkflowError

REPOSITORY = Path(workflow.basedir)
FIRST_SONG = {"train": 1, "validation": 100_001, "test": 200_001}  # of a split: they stay apart
# Of jobs: names of songs have letters beyond ASCII in a locale of ASCII, too.
os.environ.update(PYTHONUTF8="1")

try:
    settings = parse_config(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None

DATASETS = settings.datasets


# What a job that may use a GPU asks the scheduler for: one at a time, as each plans with all of its memory.
GPUS = 1 if settings.device == "cuda" or (settings.device == "auto" and has_gpu()) else 0


def any_of(names):
    """A pattern of these names; of none, one that no name has."""
    return "|".join(sorted(set(names))) or "-"


AUDIO = any_of(settings.named("audio"))
# Splits of shifted test mixtures, by data set: of sources that are altered, or of songs composed for other instruments.
SHIFTS = {name: data.shifts.splits if data.shifts else {} for name, data in DATASETS.items()}
ALTERED = [name for splits in SHIFTS.values() for name, shift in splits.items() if not shift.soundfonts]
PREPARED = ["train", "validation", "test", *(name for splits in SHIFTS.values() for name in splits if name not in ALTERED)]
IMAGES = any_of(settings.named("images"))


# Jobs on other machines (a cluster's) may find a GPU where this one has none; a dry run needs none.
onstart:
    refuse_what_still_runs()
    wanting = [job.rule.name for job in workflow.dag.needrun_jobs() if job.resources.get("gpu")]
    if settings.device == "cuda" and wanting and workflow.local_exec and not finds_gpu():
        raise WorkflowError(
            f"device is 'cuda', which {wanting[0]} asks for, but this machine shows no GPU (nvidia-smi lists those "
            "it has): set device to auto or cpu. No job has been started."
        )
    if workflow.local_exec:
        check_soundfonts(workflow.dag.needrun_jobs())


wildcard_constraints:
    dataset=any_of(DATASETS),
    split=any_of([*PREPARED, *ALTERED]),
    decoder=any_of(name for dataset in DATASETS.values() for name in dataset.separation.decoders),
    prior=any_of(name for dataset in DATASETS.values() for name in dataset.priors),
    denoiser=any_of(name for dataset in DATASETS.values() for name in dataset.denoisers_used),
    method=any_of(name for dataset in DATASETS.values() for name in dataset.family),
    network=any_of(name for data in DATASETS.values() for name in data.family if data.family[name] == "supervised"),
    table=any_of(name for dataset in DATASETS.values() for name in dataset.tables),


scattergather:
    tokens=4,
    counts=8,
    mixtures=4,


def dataset_of(wildcards):
    """The settings of the data set that a job belongs to."""
    return DATASETS[wildcards.dataset]


def of_dataset(*names):
    """A parameter: the part of the data set's settings at these names, as plain values."""
    return lambda wildcards: dataset_of(wildcards).dump(*names)


def asked(answer):
    """A parameter: what the data set answers, as plain values."""
    return lambda wildcards: plain(answer(dataset_of(wildcards), wildcards))


def plain(value):
    """Settings as plain values."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def library(wildcards):
    """What every reader of the sources has to know about them."""
    return plain(dataset_of(wildcards).library)


def codec_check(wildcards):
    """What a codec has to agree on."""
    return plain(dataset_of(wildcards).check_codec)


def training_settings(*names):
    """A parameter: a section that trains a network, without the checkpoint that would take its place."""
    return lambda wildcards: {
        name: value
        for name, value in dataset_of(wildcards).dump(*(wildcards.get(part, part) for part in names)).items()
        if name != "checkpoint"
    }


def given_checkpoint(path):
    """A pretrained checkpoint where one is named and wanted: relative paths start at the repository."""
    return str(REPOSITORY / path) if settings.pretrained and path else None


def codec(wildcards):
    """The codec in use: the configured checkpoint or the one trained here."""
    given = given_checkpoint(dataset_of(wildcards).codec.checkpoint)
    return given or f"results/{wildcards.dataset}/codec.safetensors"


def likelihood(wildcards):
    """The table of counts in use: the one that comes with the codec or the one counted here."""
    dataset = dataset_of(wildcards)
    given = given_checkpoint(dataset.beside_codec(dataset.likelihood.checkpoint))
    return given or f"results/{wildcards.dataset}/likelihood.safetensors"


def measured(wildcards, name):
    """What a decoder or a method asks for beside the table of counts: the file that comes with the codec, or its own."""
    dataset = dataset_of(wildcards)
    given = given_checkpoint(dataset.beside_codec(dataset.checkpoint_of(name)))
    return given or f"results/{wildcards.dataset}/{name}.safetensors"


def measured_for(wildcards, methods):
    """By name, all that these methods ask for beside the table of counts."""
    asked = dataset_of(wildcards).separation.measured_for(methods)
    return {name: measured(wildcards, name) for name in asked}


def priors(wildcards):
    """Checkpoint of the prior of every class, in the order of the classes."""
    dataset = dataset_of(wildcards)
    names = [each.prior for each in dataset.prior_of_each_class]
    trained = [f"results/{wildcards.dataset}/priors/{name}.safetensors" for name in names]
    given = [given_checkpoint(dataset.priors[name].checkpoint) for name in names]
    return [path or default for path, default in zip(given, trained)]


def prior_of_each_class(wildcards):
    """Per class: its name, and name, classes and kind of its prior."""
    return [plain(each) for each in dataset_of(wildcards).prior_of_each_class]
