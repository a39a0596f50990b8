"""Peak memory of a piece of work, in its process or on a GPU, and how fast memory is."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch

SECONDS = 0.005  # between two looks


def own_mib() -> float:
    """Resident memory that belongs to this process alone, no pages of mapped files, in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("RssAnon:"))
    return float(kib) / 2**10


def watched(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, its wall-clock seconds, and its peak memory beyond the start in MiB."""
    before, peak, done = own_mib(), [0.0], Event()

    def look() -> None:
        while not done.wait(SECONDS):
            peak[0] = max(peak[0], own_mib())

    watcher = Thread(target=look, daemon=True)
    watcher.start()
    try:
        began = time.perf_counter()
        found = work()
        seconds = time.perf_counter() - began
    finally:
        done.set()
        watcher.join()
    return found, seconds, max(0.0, max(peak[0], own_mib()) - before)


def watched_on_gpu(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """As `watched`, of what PyTorch allocates on the current GPU."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before, began = torch.cuda.memory_allocated(), time.perf_counter()
    found = work()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return found, seconds, (torch.cuda.max_memory_allocated() - before) / 2**20


def bandwidth(device: str, *, mib: int = 1024, repeats: int = 10) -> float:
    """Bytes per second that a copy reads and writes."""
    source = torch.ones(mib * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    int(target[-1])
    began = time.perf_counter()
    for _ in range(repeats):
        target.copy_(source)
    int(target[-1])  # waits for the copies
    return 2 * source.numel() * repeats / (time.perf_counter() - began)
