"""Whether the audio of a data set can be found: each kind of source has sections and keys of its own."""

from typing import TYPE_CHECKING

from lass.config.location import check_download
from lass.config.registry import AUDIO_READERS

if TYPE_CHECKING:
    from lass.config.audio import AudioDataset


def check_origin(dataset: "AudioDataset") -> None:
    """ValueError where what the source needs is not there, or something is said that it does not read."""
    check_download(dataset.download, dataset)
    if dataset.source == "composed":
        _check_composed(dataset)
    elif not dataset.root and not dataset.download:
        raise ValueError(f"source is {dataset.source!r}, so root must name the folder that is read")
    if dataset.source == "packages":
        _check_packages(dataset)
    elif dataset.packages is not None:
        raise ValueError(f"source is {dataset.source!r}, which reads no packages: leave the section out")


def _check_composed(dataset: "AudioDataset") -> None:
    if dataset.root is not None:
        raise ValueError(
            f"source is 'composed', which reads no folder, but root is {dataset.root!r}: set source to "
            "one of " + ", ".join(name for name in AUDIO_READERS if name != "composed")
        )
    if dataset.composed is None:
        raise ValueError("source is 'composed', so the section composed is needed")
    if dataset.held_out is not None:
        raise ValueError(
            f"source is 'composed', which has a split of its own for validation, but held_out is "
            f"{dataset.held_out}: set it to null"
        )
    if dataset.composed.seconds < dataset.mixtures.seconds:
        raise ValueError(
            f"composed.seconds {dataset.composed.seconds} is shorter than mixtures.seconds "
            f"{dataset.mixtures.seconds}: compose longer songs"
        )


def _check_packages(dataset: "AudioDataset") -> None:
    if dataset.packages is None:
        raise ValueError("source is 'packages', so the section packages is needed")
    if dataset.held_out is not None:
        raise ValueError(
            f"source is 'packages', which names what is for validation, but held_out is {dataset.held_out}: "
            "set it to null"
        )
    given, asked = sorted(dataset.packages.classes), sorted(dataset.classes)
    if given != asked:
        raise ValueError(f"packages.classes names {given}, but the classes are {asked}: name the same")
    for split in ("train", "validation", "test"):
        dataset.packages.of_split(split)
    if dataset.packages.seconds < dataset.mixtures.seconds:
        raise ValueError(
            f"packages.seconds {dataset.packages.seconds:g} is shorter than mixtures.seconds "
            f"{dataset.mixtures.seconds:g}: join recordings to longer ones"
        )
