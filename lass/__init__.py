"""Latent autoregressive source separation: mixtures are taken apart with models that already exist."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Separation", "Separator", "__version__"]


def __getattr__(name: str) -> Any:
    """`Separator` and `Separation` of `lass.api`, imported when they are first asked for: they need torch.

    By name, and typed in `__init__.pyi`: nothing else in `lass` depends on what stands above it.
    """
    if name not in ("Separation", "Separator"):
        raise AttributeError(f"module 'lass' has no attribute {name!r}")
    return getattr(import_module("lass.api"), name)
