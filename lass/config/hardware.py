"""What this machine has, asked of the system: torch would take a second to say so."""

import os
from pathlib import Path

DEVICES = ("/dev/nvidiactl", "/dev/kfd")
"""What the drivers of GPUs by NVIDIA and AMD make."""


def has_gpu() -> bool:
    """Whether this machine shows a GPU, and the environment does not hide it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "" and any(Path(device).exists() for device in DEVICES)


def finds_gpu() -> bool:
    """Whether networks could run on a GPU here; where no driver shows itself, torch is asked after all.

    It knows of GPUs that come without these devices, as in WSL, and has the last word before a refusal.
    """
    if has_gpu():
        return True
    import torch  # noqa: PLC0415 (a second, which only who may be refused has to wait)

    return torch.cuda.is_available()
