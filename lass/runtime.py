"""What every job does first: open its log and choose its device."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from lass import __version__

logger = logging.getLogger("lass")

PROCESS = 3_000_000_000  # bytes that a process needs beside what it is given to decode in
GPU_SHARE = 0.8  # of a GPU's free memory


@contextmanager
def logged(path: str | Path) -> Iterator[logging.Logger]:
    """Write log records and an error that ends the block to `path` and to standard error."""
    handlers: list[logging.Handler] = [logging.FileHandler(path, mode="w"), logging.StreamHandler()]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.info("lass %s, %d threads", __version__, torch.get_num_threads())
    try:
        yield logger
    except Exception:
        logger.exception("the job failed")
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def choose_device(name: str) -> torch.device:
    """The device for `auto` (a GPU where there is one), `cpu` or `cuda`.

    ValueError for another name, and for a GPU that is not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' is configured, but torch sees no GPU: use device=cpu or auto")
    torch.backends.cudnn.allow_tf32 = False  # or a GPU gives other codes than those that were counted
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def memory_for(device: torch.device, mem_mb: int) -> int:
    """Bytes that decoding may take in a job with `mem_mb` megabytes, or on the GPU that it has.

    ValueError for a job in which nothing is left of its memory beside the process itself.
    """
    if device.type == "cuda":
        return int(GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    memory = mem_mb * 10**6 - PROCESS
    if memory <= 0:
        raise ValueError(f"mem_mb = {mem_mb}: a job needs more than {PROCESS // 10**6} MB")
    return memory
