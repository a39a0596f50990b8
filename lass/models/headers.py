"""What checkpoints say of themselves: kind, shape and provenance, read without torch and without weights."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from lass.models.diffusion_settings import DenoiserCheck
from lass.storage import damaged, interpreting, read_header

FORM = "lass.checkpoint"
VERSION = 1
DENOISER_FORM = "lass.denoiser"
DENOISER_VERSION = 1


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


def describe_denoiser(path: Path) -> dict[str, Any]:
    """The header of the denoiser at `path`; FileNotFoundError or ValueError where it is none."""
    return read_header(path, form=DENOISER_FORM, version=DENOISER_VERSION)


def check_denoiser(
    path: Path,
    header: Mapping[str, Any],
    *,
    classes: Sequence[str],
    conditional: bool,
    data: DenoiserCheck | None = None,
) -> None:
    """ValueError where the denoiser at `path` does not fit, as its header says.

    It has to be of `classes`, in this order, and told them or not, as `conditional` says; and, where they are
    given, of such `data`. Sounds may have any length. Files of before the rate was written have none.
    """
    if header.get("classes") != list(classes):
        raise ValueError(f"{path}: a denoiser of {header.get('classes')}, not of {list(classes)}; train it")
    with interpreting(path):
        own, told = header["shape"]["image"], bool(header["shape"]["classes"])
    if told != conditional:
        is_told = "is told the classes" if told else "is not told the classes"
        raise ValueError(f"{path}: a denoiser that {is_told}, but conditional is {conditional}; train it")
    rate = header.get("rate")
    if not isinstance(rate, int | None):
        raise damaged(path, f"its rate is {rate!r}")
    if data is None:
        return
    wanted = None if data.image is None else list(data.image)
    if own != wanted:
        found, needed = ("sounds" if each is None else f"images of {each}" for each in (own, wanted))
        raise ValueError(f"{path}: a denoiser of {found}, not of {needed}; train it")
    if own is None and rate is not None and data.rate is not None and rate != data.rate:
        raise ValueError(f"{path}: a denoiser of sounds at {rate} Hz, not at {data.rate} Hz; train it")
