"""A method: everything from mixtures to estimates. Every row of a table is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lass.data.mixtures import Batch
from lass.settings import Chosen

if TYPE_CHECKING:
    import torch  # its import takes seconds, and blind methods need none of it


class Method(Protocol):
    """What turns a batch of mixtures into estimates of their sources."""

    def separate(self, batch: Batch) -> np.ndarray:
        """Estimates [B, N, T] float32 of the sources x_n, in the order of the batch's classes.

        Which of them may change places is said by labels beside the method (`lass.config`): blind methods
        do not know which source is which.
        """


@dataclass(frozen=True)
class Given:
    """What a method may be given beside its job: paths of the files that its family needs, and a device.

    `precision` is the one that was chosen for the job on that device.
    """

    device: "torch.device | None" = None  # None for a method that runs no network
    codec: Path | None = None
    candidates: Path | None = None
    residual: Path | None = None
    network: Path | None = None
    dictionaries: Path | None = None
    denoisers: Mapping[str, Path] = field(default_factory=dict)  # by the name of the prior
    precision: Chosen = "float32"

    @property
    def hardware(self) -> str:
        """What the device is called; without one it is the CPU that computes."""
        if self.device is None:
            return "CPU"
        from lass.compute.devices import name_of  # noqa: PLC0415 (imports torch, which takes seconds)

        return name_of(self.device)


NAMED = tuple(each.name for each in fields(Given) if each.name not in ("device", "denoisers", "precision"))
"""Files that a field of `Given` is called by."""

DENOISER = "denoiser_"
"""Before the name of a prior: what its file is called among those of a method."""


def given_files(files: Mapping[str, Path]) -> Given:
    """What a method is given of `files` by name: fields of `Given`, and denoisers by `denoiser_<prior>`.

    Others are passed over; the device is not chosen yet.
    """
    named: dict[str, Any] = {name: files.get(name) for name in NAMED}
    denoisers = {
        name.removeprefix(DENOISER): path for name, path in files.items() if name.startswith(DENOISER)
    }
    return Given(denoisers=denoisers, **named)


def needed(path: Path | None, what: str) -> Path:
    """The path of a file that a method cannot do without; ValueError where it is not given."""
    if path is None:
        raise ValueError(f"this method needs the {what}: give its file")
    return path


def device_of(given: Given) -> "torch.device":
    """The device of a method that runs a network; ValueError where it is not given one."""
    if given.device is None:
        raise ValueError("this method runs a network: give it a device")
    return given.device
