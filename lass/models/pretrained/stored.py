"""Parts of models that are made of public checkpoints: one safetensors file each, in float32.

They have the header of every checkpoint (`lass.models.checkpoint`): kind, shape and provenance, which tells
the files that a part is made of and their licence. Nothing is rounded: a code that moved would no longer be
the code that published tables and priors know.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor, nn

from lass.models.headers import FORM, VERSION, describe_checkpoint
from lass.models.pretrained.checking import fit_layout
from lass.models.quantizer import Quantizer
from lass.storage import damaged, opening, read_tensors, write_tensors

CODEC, LIKELIHOOD = "codec.safetensors", "likelihood.safetensors"
"""Files of a model's folder."""

Network = TypeVar("Network", bound=nn.Module)
Shape = TypeVar("Shape")

_OF_TRAINING = ("quantizer.usage", "quantizer.total", "quantizer.ready")


def prior_file(name: str) -> str:
    """The file of the prior of this name in a model's folder; ValueError for what is no name of a file."""
    if not name or not all(each.isalnum() or each in "._-" for each in name) or name.startswith("."):
        raise ValueError(f"name {name!r}: give letters, digits, '.', '_' and '-', such as bass")
    return f"priors/{name}.safetensors"


def source_of(path: Path, licence: str) -> dict[str, str]:
    """Name, SHA-256 and licence of a file that is imported."""
    with path.open("rb") as file:
        return {
            "file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest(), "licence": licence
        }  # fmt: skip


def identity_of(codebook: Tensor) -> str:
    """The name by which all parts know the codebook [K, C]."""
    holder = Quantizer(*codebook.shape)
    holder.codebook = codebook
    return holder.identity


def codebook_beside(folder: Path) -> Tensor:
    """Vectors [K, C] of the codec in a model's folder, which other parts are said to belong to.

    FileNotFoundError where there is none yet.
    """
    path = folder / CODEC
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file, but this part belongs to a codec; import the codec into {folder} first"
        )
    with opening(path), safe_open(path, framework="pt") as file:
        codebook: Tensor = file.get_tensor("quantizer.codebook")
    return codebook


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """What a file holds of `network`, by name."""
    return {name: tensor for name, tensor in network.state_dict().items() if name not in _OF_TRAINING}


def shapes_of(network: nn.Module) -> dict[str, torch.Size]:
    """Shape of every tensor of `network` that its file holds, by name."""
    return {name: tensor.shape for name, tensor in tensors_of(network).items()}


def write_part(
    path: Path, tensors: Mapping[str, Tensor], *, kind: str, shape: Any, provenance: Mapping[str, Any]
) -> None:
    """Write the tensors of a network with its `shape`, a dataclass; equal arguments give equal bytes."""
    fields = {"kind": kind, "shape": asdict(shape), "provenance": dict(provenance)}
    write_tensors(path, tensors, form=FORM, version=VERSION, fields=fields)


def describe_part(path: Path, kind: str, shape: Callable[..., Shape]) -> tuple[Shape, dict[str, Any]]:
    """The `shape` of the network at `path`, a dataclass, and its provenance.

    ValueError for another kind, or a shape of other sizes.
    """
    header = describe_checkpoint(path, kind)
    try:
        sizes = {
            key: tuple(each) if isinstance(each, list) else each for key, each in header["shape"].items()
        }
        return shape(**sizes), header["provenance"]
    except (TypeError, AttributeError) as error:
        raise damaged(path, f"its shape is {header['shape']!r}") from error


def without_memory(network: Callable[[Shape], Network], shape: Shape) -> Network:
    """A network of this shape whose tensors have shapes alone, to be filled."""
    with torch.device("meta"):
        return network(shape)


def load_part(path: Path, network: Network) -> Network:
    """`network` with the tensors at `path`, ready for inference; ValueError where they do not fit."""
    return filled(network, fit_layout(path, read_tensors(path), shapes_of(network)))


def filled(network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """`network` with these tensors in the place of its own, ready for inference.

    They are all that it has, but for what only the training of a codebook needs: that is empty.
    """
    empty = {
        name: torch.zeros(tensor.shape, dtype=tensor.dtype)
        for name, tensor in network.state_dict().items()
        if name in _OF_TRAINING
    }
    network.load_state_dict({**tensors, **empty}, assign=True)
    return network.eval().requires_grad_(False)


def source_of_prior(path: Path, licence: str, *, codes: int, codebook: Tensor) -> dict[str, str]:
    """Source of a prior of so many codes, and the name of the codebook [K, C] that they are of.

    ValueError where it is of another codec.
    """
    if codes != len(codebook):
        raise ValueError(
            f"{path}: a prior of {codes} codes, but the codec in the folder has {len(codebook)}; import the "
            "codec that it was trained on"
        )
    return source_of(path, licence) | {"codebook": identity_of(codebook)}


def check_codebook(path: Path, provenance: Mapping[str, Any], codebook: str | None) -> None:
    """ValueError where the prior at `path` is of another codebook than the one that `codebook` names."""
    known = provenance.get("codebook")
    if codebook is not None and known != codebook:
        raise ValueError(
            f"{path}: imported for codes of codebook {known}, but the codec has {codebook}; put the parts of "
            "one model together"
        )


def check_files(files: Sequence[Path], kind: str) -> Path:
    """The only one of `files`; ValueError where there are more or none."""
    if len(files) != 1:
        raise ValueError(
            f"{kind} is made of one file, but {len(files)} are given: {', '.join(map(str, files))}"
        )
    return files[0]
