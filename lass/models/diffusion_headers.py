"""What denoisers say of themselves, read without torch and without weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lass.models.diffusion_settings import DenoiserCheck
from lass.storage import damaged, interpreting, read_header

FORM = "lass.denoiser"
VERSION = 1


def describe_denoiser(path: Path) -> dict[str, Any]:
    """The header of the denoiser at `path`; FileNotFoundError or ValueError where it is none."""
    return read_header(path, form=FORM, version=VERSION)


def refuse_unfit(
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
        own, told = sizes_of(header["shape"]["image"]), bool(header["shape"]["classes"])
    if told != conditional:
        is_told = "is told the classes" if told else "is not told the classes"
        raise ValueError(f"{path}: a denoiser that {is_told}, but conditional is {conditional}; train it")
    rate = header.get("rate")
    if not isinstance(rate, int | None):
        raise damaged(path, f"its rate is {rate!r}")
    if data is None:
        return
    if own != data.image:
        found, needed = (
            "sounds" if each is None else f"images of {list(each)}" for each in (own, data.image)
        )
        raise ValueError(f"{path}: a denoiser of {found}, not of {needed}; train it")
    if own is None and rate is not None and data.rate is not None and rate != data.rate:
        raise ValueError(f"{path}: a denoiser of sounds at {rate} Hz, not at {data.rate} Hz; train it")


def sizes_of(image: Sequence[int] | None) -> tuple[int, int, int] | None:
    """Colours, height and width as a shape has them, from what a file's header says."""
    if image is None:
        return None
    colours, height, width = image
    return colours, height, width
