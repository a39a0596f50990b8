"""How long a separation takes, and on what."""

import time
from collections.abc import Callable

import torch

from lass.compute.devices import name_of


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that `work` takes, until the GPU has finished what it was given."""
    wait_for(device)
    began = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - began


def wait_for(device: torch.device) -> None:
    """Return when a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe_device(device: torch.device) -> str:
    """A device's name for a table of times."""
    threads = "" if device.type == "cuda" else f", {torch.get_num_threads()} threads"
    return name_of(device) + threads
