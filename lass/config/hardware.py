"""What this machine has, asked of the system: torch would take a second to say so."""

from pathlib import Path

DEVICES = ("/dev/nvidiactl", "/dev/kfd")
"""What the drivers of GPUs by NVIDIA and AMD make."""


def has_gpu() -> bool:
    """Whether this machine shows a GPU."""
    return any(Path(device).exists() for device in DEVICES)
