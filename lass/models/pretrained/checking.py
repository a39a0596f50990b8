"""Tensors of a public checkpoint against a table of names and shapes, before any of them is used."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

Shape = tuple[int, ...]
SHOWN = 5  # names in an error


@dataclass(frozen=True)
class Place:
    """Where a tensor of a public file belongs in the network here."""

    name: str
    transposed: bool = False  # a matrix that the file holds as inputs x outputs


def fit_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    places: Mapping[str, Place],
    shapes: Mapping[str, Shape],
) -> dict[str, Tensor]:
    """The tensors under the names of the network here, in float32.

    Args:
        path: of the file that they are from, for errors.
        tensors: by the names of the file.
        places: of every name that the file must hold; where two have one place, their tensors must be equal.
        shapes: of the network's own tensors by name.

    Raises ValueError, with the names, for tensors that are missing, unknown, of another shape or not finite.
    """
    complain(path, "lacks", places.keys() - tensors.keys())
    complain(path, "has tensors that are not known:", tensors.keys() - places.keys())
    complain(path, "has no place for", shapes.keys() - {place.name for place in places.values()})
    fitted: dict[str, Tensor] = {}
    for name, place in places.items():
        tensor = tensors[name].detach().float()
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{path}: {name} holds NaN or infinity; give another file")
        wanted = shapes[place.name]
        expected = tuple(reversed(wanted)) if place.transposed else tuple(wanted)
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"{path}: {name} is of shape {tuple(tensor.shape)} instead of {expected}; this is a network "
                "of another kind or size"
            )
        tensor = tensor.T.contiguous() if place.transposed else tensor.contiguous()
        if not torch.equal(fitted.setdefault(place.name, tensor), tensor):
            raise ValueError(
                f"{path}: {name} differs from what it must equal; this is a network of another kind"
            )
    return fitted


def fit_layout(path: Path, tensors: Mapping[str, Tensor], layout: Mapping[str, Shape]) -> dict[str, Tensor]:
    """The tensors of `layout`, names and shapes of a file, as they are called there, in float32.

    ValueError as of `fit_weights`.
    """
    return fit_weights(path, tensors, {name: Place(name) for name in layout}, layout)


def without(tensors: Mapping[str, Tensor], pattern: str) -> dict[str, Tensor]:
    """The tensors whose names do not begin as the regular expression says."""
    return {name: tensor for name, tensor in tensors.items() if not re.match(pattern, name)}


def complain(path: Path, what: str, names: Collection[str]) -> None:
    """ValueError where there are names, with the first of them."""
    if names:
        listed = ", ".join(sorted(names)[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise ValueError(f"{path}: {what} {listed}{more}; this is a network of another kind or size")


def count(tensors: Collection[str], pattern: str) -> int:
    """How many tensors have a name by the pattern, numbered from 0."""
    number = 0
    while pattern.format(number) in tensors:
        number += 1
    return number


def numbers_of(path: Path, tensors: Mapping[str, Tensor], name: str, *, dimensions: int) -> Shape:
    """The shape of the tensor of this name, which tells sizes; ValueError where it does not fit."""
    shape = tuple(tensors[name].shape) if name in tensors else ()
    if len(shape) != dimensions or 0 in shape:
        found = shape if name in tensors else "missing"
        raise ValueError(
            f"{path}: {name} ({found}) should be a tensor of {dimensions} dimensions; this is a network of "
            "another kind"
        )
    return shape
