"""How long a separation takes, on what, and in how much memory."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def peak_memory(device: torch.device) -> int:
    """The most memory that this process has held so far, in MiB: of a GPU, else of the machine."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20)
    status = Path("/proc/self/status")
    if status.is_file():  # of Linux, whose getrusage also counts the process that this one was forked from
        lines = status.read_text(encoding="utf-8").splitlines()
        return round(int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 2**10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)  # bytes there, KiB elsewhere


def describe_device(device: torch.device) -> str:
    """A device's name for a table of times."""
    threads = "" if device.type == "cuda" else f", {torch.get_num_threads()} threads"
    return name_of(device) + threads
