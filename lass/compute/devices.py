"""Where networks run, and how much memory there is for them."""

import torch

PROCESS = 3_000_000_000  # bytes that a process needs beside what it is given to decode in
GPU_SHARE = 0.8  # of a GPU's free memory


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

    Ask once the model is loaded: what it takes of a GPU is then no longer free.
    ValueError for a job in which nothing is left of its memory beside the process itself.
    """
    if device.type == "cuda":
        return int(GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    memory = mem_mb * 10**6 - PROCESS
    if memory <= 0:
        raise ValueError(f"mem_mb = {mem_mb}: a job needs more than {PROCESS // 10**6} MB")
    return memory
