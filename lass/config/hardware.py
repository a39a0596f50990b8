"""What this machine has, asked of the system: torch would take a second to say so."""

import os
from pathlib import Path

DEVICES = ("/dev/nvidiactl", "/dev/kfd")
"""What the drivers of GPUs by NVIDIA and AMD make."""


def has_gpu() -> bool:
    """Whether this machine shows a GPU, and the environment does not hide it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "" and any(Path(device).exists() for device in DEVICES)
