"""Public checkpoints, as `torch.save` or safetensors, read without running anything that stands in them.

A file by torch is a pickle, and a pickle may name any function of Python to be called. Here only tensors and
plain containers are built. A few names of other libraries that training scripts leave in their files are
replaced by stand-ins which hold nothing; a file that names anything else is refused.
"""

import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

SECTIONS = ("model", "state_dict")
"""Where training scripts keep the weights."""
PREFIXES = ("module.",)
"""What wrappers of networks put before every name."""

_ZIP, _PICKLE = b"PK", b"\x80"
_LENGTH = 8  # bytes of safetensors that tell the length of its header, which is JSON
_PAGES = (b"<!doctype", b"<html", b"<?xml")


class Inert:
    """Stands for an object of another library: takes whatever it is made of, and keeps nothing."""

    def __new__(cls, *_args: object, **_named: object) -> Self:
        """Made of anything."""
        return super().__new__(cls)

    def __init__(self, *_args: object, **_named: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Take any state."""


def plain_dictionary(*_args: object) -> dict[Any, Any]:
    """Stands for a dictionary with a default, which the reader would not fill."""
    return {}


STAND_INS: dict[str, Any] = {
    "collections.defaultdict": plain_dictionary,
    **dict.fromkeys(("builtins.dict", "builtins.int", "builtins.list", "typing.Any"), Inert),
    **dict.fromkeys(
        (
            "omegaconf.base.ContainerMetadata",
            "omegaconf.base.Metadata",
            "omegaconf.dictconfig.DictConfig",
            "omegaconf.listconfig.ListConfig",
            "omegaconf.nodes.AnyNode",
            "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
            "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        ),
        Inert,
    ),
}
"""Names that a file may hold beside tensors and containers -> what stands for them."""


def read_weights(path: Path, *, sections: Sequence[str] = SECTIONS) -> dict[str, Tensor]:
    """Name -> tensor of the first of `sections` that the file at `path` has, without PREFIXES.

    A file that holds nothing but tensors by name is a section of its own. Tensors have the type that they
    are stored in, on the CPU. FileNotFoundError or ValueError, naming the file, where there is none, it is a
    web page, it is cut off, no checkpoint, without these sections, or names what is not in STAND_INS.
    """
    found = section_of(path, load_file(path), sections)
    return {without_prefixes(name): tensor for name, tensor in found.items()}


def check_page(path: Path) -> bytes:
    """The first bytes of the file at `path`; refuse a web page, which hosts send in place of a file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; download it first, or correct the path")
    with path.open("rb") as file:
        begin = file.read(512)
    if not begin:
        raise ValueError(f"{path}: is empty; download it again")
    if begin.lstrip().lower().startswith(_PAGES):
        raise ValueError(
            f"{path}: is a web page, not a checkpoint: the host asked for a confirmation or is gone; open "
            "the address in a browser, and give the file that it sends"
        )
    return begin


def load_file(path: Path) -> Any:
    """What the file at `path` holds, by its first bytes: of torch.save, or safetensors."""
    begin = check_page(path)
    if begin[_LENGTH : _LENGTH + 1] == b"{":  # first: a length may begin as a pickle does
        try:
            return load_safetensors(path)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path}: is cut off or no safetensors ({error}); download it again") from error
    if not begin.startswith((_ZIP, _PICKLE)):
        raise ValueError(
            f"{path}: is no checkpoint by torch.save and no safetensors (it begins with {begin[:8]!r}); "
            "unpack an archive first, or give another file"
        )
    return load_plain(path)


def load_plain(path: Path) -> Any:
    """What the file at `path` holds, with stand-ins for names of other libraries."""
    with path.open("rb") as file:
        zipped = file.read(2) == _ZIP
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(
            [(stand_in, name) for name, stand_in in STAND_INS.items()]
        ):  # fmt: skip
            warnings.simplefilter("ignore")  # of other versions of the format
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(
            f"{path}: is cut off or no checkpoint ({first_line(error)}); download it again"
        ) from error


def refused(path: Path, error: pickle.UnpicklingError) -> ValueError:
    """The error for a file that torch refuses to read as weights alone, with the name that it stops at."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    if named is None:
        return ValueError(f"{path}: is cut off or no checkpoint ({first_line(error)}); download it again")
    return ValueError(
        f"{path}: names {named[1]}, which no file of weights needs: nothing of it was run; give a file from "
        "a source that you trust, or one that holds tensors alone"
    )


def first_line(error: Exception) -> str:
    """What is wrong, without torch's advice to load the file in an unsafe way."""
    text = str(error).removeprefix("Weights only load failed.").strip()
    errors = [line.removeprefix("WeightsUnpickler error: ") for line in text.splitlines() if "error:" in line]
    lines = [line.strip() for line in (errors or text.splitlines()) if line.strip()]
    return lines[0] if lines else type(error).__name__


def section_of(path: Path, held: Any, sections: Sequence[str]) -> Mapping[str, Tensor]:
    """The tensors by name of the first of `sections` in what the file holds."""
    if not isinstance(held, Mapping):
        raise ValueError(f"{path}: holds a {type(held).__name__}, no weights by name; give another file")
    name = next((name for name in sections if name in held), None)
    inside = held if name is None else held[name]
    if not isinstance(inside, Mapping) or not all(isinstance(each, Tensor) for each in inside.values()):
        keys = ", ".join(sorted(str(key) for key in held)[:8])
        raise ValueError(
            f"{path}: has no weights under {' or '.join(sections)}, but {keys or 'nothing'}; give another "
            "file"
        )
    if not inside:
        raise ValueError(f"{path}: has no weights in it; give another file")
    return inside


def without_prefixes(name: str) -> str:
    """The name of a tensor as its network calls it."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
