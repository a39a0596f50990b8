"""Shared by all files of rules: the validated configuration, and what a rule asks of a job's data set.

What a data set answers stands in `lass.config`; here are only paths, and which files a method needs.
"""

import os
from functools import partial
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
PREPARED = [*FIRST_SONG, *(name for splits in SHIFTS.values() for name in splits if name not in ALTERED)]
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
    check_given(list(workflow.dag.needrun_jobs()))


wildcard_constraints:
    dataset=any_of(DATASETS),
    split=any_of([*PREPARED, *ALTERED]),
    decoder=any_of(name for dataset in DATASETS.values() for name in dataset.separation.decoders),
    prior=any_of(name for dataset in DATASETS.values() for name in dataset.priors),
    denoiser=any_of(name for dataset in DATASETS.values() for name in dataset.denoisers_used),
    method=any_of(name for dataset in DATASETS.values() for name in dataset.family),
    network=any_of(
        name for data in DATASETS.values() for name in data.family if data.family[name] == "supervised"
    ),
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
