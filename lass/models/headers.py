"""What checkpoints say of themselves: kind, shape and provenance, read without torch and without weights."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from lass.storage import damaged, read_header

FORM = "lass.checkpoint"
VERSION = 1


def describe_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Shape and provenance of the checkpoint at `path`; ValueError where it is not of `kind`.

    Kinds are `vqvae` and `transformer`, and those of imported parts (`lass.models.pretrained.registry`).
    """
    header = read_header(path, form=FORM, version=VERSION)
    absent = [name for name in ("kind", "shape", "provenance") if name not in header]
    if absent:
        raise damaged(path, f"its header lacks {', '.join(absent)}")
    for name in ("shape", "provenance"):
        if not isinstance(header[name], dict):
            raise damaged(path, f"its {name} is {header[name]!r}")
    if header["kind"] != kind:
        raise ValueError(
            f"{path}: holds a {header['kind']}, but a {kind} is needed here; correct the configured path"
        )
    return {"shape": header["shape"], "provenance": header["provenance"]}


def kind_of(path: Path) -> str:
    """What the checkpoint at `path` holds; FileNotFoundError or ValueError where it is none."""
    return str(read_header(path, form=FORM, version=VERSION).get("kind"))


def check_vqvae(path: Path, header: Mapping[str, Any], *, rate: int | None, hop: int | None) -> None:
    """ValueError where the VQ-VAE was trained at another `rate` (Hz) or with another `hop`."""
    trained_at, own = header["provenance"].get("sample_rate"), prod(header["shape"]["strides"])
    if rate is not None and trained_at not in (None, rate):
        raise ValueError(f"{path}: trained at {trained_at} Hz, but sample_rate is {rate}; make them equal")
    if hop is not None and own != hop:
        raise ValueError(f"{path}: {own} samples per token, but codec.strides give {hop}; make them equal")
