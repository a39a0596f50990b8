"""Tensor files with a format name and a version that readers check."""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lass.writing import written_aside

if TYPE_CHECKING:
    import torch  # takes seconds to import, and half of the jobs need none of it

# Safetensors writes several metadata entries in an order that changes from run to run. One entry that
# holds JSON with sorted keys keeps the bytes of a file a function of its content alone.
_ENTRY = "lass"
_TYPES = {"int64": "I64", "float32": "F32", "int32": "I32", "uint16": "U16"}
_SENSELESS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_NO_MEMORY = re.compile(r"allocate memory|out of memory", re.IGNORECASE)
_IMPORT = "give a file that lass made; `lass import` makes one of a public checkpoint"
_TORCH, _PAGE = (
    f"a pickle or zip, as torch.save makes, no safetensors: {_IMPORT}",
    "a web page: download the file again",
)
_OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file that it stands for: run `git lfs pull`",
    b"PK\x03\x04": _TORCH,
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9": _TORCH,
    b"<!doctype": _PAGE,
    b"<!DOCTYPE": _PAGE,
    b"<html": _PAGE,
}
"""What a file of another kind begins with -> what it is, and what to do about it."""
_RANKS = {name: rank for rank, name in enumerate(_TYPES)}


def write_tensors(
    path: Path,
    tensors: Mapping[str, "torch.Tensor | np.ndarray"],
    *,
    form: str,
    version: int,
    fields: Mapping[str, Any],
) -> None:
    """Write tensors and their header to `path`, which appears complete or not at all.

    `form` and `version` name the format; `fields` are further entries of the header that JSON can hold.
    Equal arguments give equal bytes. TypeError for tensors of bfloat16, which numpy does not have.
    """
    header = json.dumps({"form": form, "version": version, **fields}, sort_keys=True)
    with written_aside(path) as aside:
        aside.touch()
        mode = aside.stat().st_mode  # what the user's umask gives; safetensors would leave 0600
        contents = {name: as_array(tensor) for name, tensor in tensors.items()}
        _save(contents, aside, {_ENTRY: header})
        aside.chmod(mode)


def _save(contents: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    """Write a tensor file; OSError, as everywhere else, where the system refuses."""
    try:
        save_file(contents, path, metadata=metadata)
    except SafetensorError as error:
        if told := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(told[1]), os.strerror(int(told[1])), str(path)) from error
        raise


def as_array(tensor: "torch.Tensor | np.ndarray") -> np.ndarray:
    """The numbers of a tensor, wherever it is, as an array whose rows lie one behind the other."""
    array = tensor if isinstance(tensor, np.ndarray) else tensor.detach().cpu().numpy()
    return np.asarray(array, order="C")


@contextmanager
def mapped_tensors(
    path: Path,
    shapes: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]],
    *,
    form: str,
    version: int,
    fields: Mapping[str, Any],
) -> Iterator[dict[str, np.ndarray]]:
    """Yield arrays of the given shapes and types that lie in the file `path` itself, for the block to fill.

    The file has the bytes that `write_tensors` would give it, and appears where the block ends without error;
    what does not fit into memory is written this way.
    """
    header: dict[str, Any] = {
        "__metadata__": {_ENTRY: json.dumps({"form": form, "version": version, **fields}, sort_keys=True)}
    }
    places, end = {}, 0
    for name in sorted(shapes, key=lambda name: (_RANKS[shapes[name][1].name], name)):  # as safetensors does
        shape, dtype = shapes[name]
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        places[name] = begin
        header[name] = {"dtype": _TYPES[dtype.name], "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with written_aside(path) as aside:
        with aside.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            if hasattr(os, "posix_fallocate"):  # not on macOS; a full disk is an error here
                os.posix_fallocate(file.fileno(), 0, 8 + len(text) + end)
            else:
                file.truncate(8 + len(text) + end)
        arrays = {
            name: np.memmap(aside, dtype=dtype, mode="r+", offset=8 + len(text) + places[name], shape=shape)
            if math.prod(shape)
            else np.empty(shape, dtype)
            for name, (shape, dtype) in shapes.items()
        }
        yield arrays
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()


def read_header(path: Path, *, form: str, version: int) -> dict[str, Any]:
    """Read the header of a tensor file; the tensors themselves are not read.

    Raises FileNotFoundError when there is no such file, and ValueError when it is damaged or has another
    format or version.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; run the step that makes it first, or correct the path"
        )
    with opening(path):
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata.get(_ENTRY, "null"))
    if header is None:
        raise ValueError(f"{path}: tensors that lass did not write, no {form}: {_IMPORT}")
    if not isinstance(header, dict):
        raise damaged(path, f"its header is {header!r}")
    found = (header.get("form"), header.get("version"))
    if found != (form, version):
        raise ValueError(
            f"{path}: format {found[0]!r} version {found[1]!r} cannot be read here, "
            f"expected {form!r} version {version}; delete it and make it again with this version of lass"
        )
    return header


def read_sizes(path: Path, *, form: str, version: int, expected: Mapping[str, int | None]) -> dict[str, int]:
    """Read the integers that the keys of `expected` name from the header of a file.

    A key whose expected value is None takes any value; another value is a ValueError, as in `read_header`.
    """
    header = read_header(path, form=form, version=version)
    for name, value in expected.items():
        if not isinstance(header.get(name), int):
            raise ValueError(f"{path}: its header lacks {name!r}; delete the file and make it again")
        if value is not None and header[name] != value:
            raise ValueError(
                f"{path}: made for {name} = {header[name]}, but {name} = {value} is needed; "
                "give the file that belongs to this configuration, or delete it and make it again"
            )
    return {name: header[name] for name in expected}


def read_tensors(path: Path) -> "dict[str, torch.Tensor]":
    """Read all tensors of a file whose header has been read already; ValueError where it is damaged."""
    return _read(path, framework="pt")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The same as arrays, without torch."""
    return _read(path, framework="numpy")


def _read(path: Path, *, framework: str) -> dict[str, Any]:
    with opening(path), safe_open(path, framework=framework) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Tell a tensor file that is damaged, a ValueError, from one that the system does not let be read."""
    try:
        with interpreting(path):
            yield
    except SafetensorError as error:
        raise no_tensors(path, str(error)) from error
    except OSError as error:
        if error.errno is None:  # safetensors says "no such file" of any that it cannot open
            path.open("rb").close()
            raise damaged(path, str(error)) from error
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def check_sums(path: Path, *sums: "torch.Tensor") -> None:
    """ValueError, naming the file, unless all are float64, finite and not negative."""
    for held in sums:
        if str(held.dtype) != "torch.float64" or not bool(((held >= 0) & (held < math.inf)).all()):
            raise damaged(path, f"sums of {held.dtype}, or one that is negative or not finite")


@contextmanager
def interpreting(path: Path | str) -> Iterator[None]:
    """Turn what goes wrong as a damaged file is read into a ValueError, or a MemoryError, that names it."""
    try:
        yield
    except _SENSELESS as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        said = " ".join(str(error).split())[:300]
        if isinstance(error, RuntimeError) and _NO_MEMORY.search(said):
            raise short_of_memory(path) from error
        raise damaged(path, f"{type(error).__name__}: {said}") from error


def short_of_memory(path: Path | str) -> MemoryError:
    """Return the error for a file that need not be damaged, but for which there is no room."""
    return MemoryError(
        f"{path}: not enough memory to read it, which says nothing against it: free some, and start again"
    )


def no_tensors(path: Path, reason: str) -> ValueError:
    """Return the error for a file without tensors: what else it plainly is, or that it is damaged."""
    with path.open("rb") as file:
        begin = file.read(64)
    others = [what for start, what in _OTHERS.items() if begin.startswith(start)]
    return ValueError(f"{path}: {others[0]}") if others else damaged(path, reason)


def damaged(path: Path | str, reason: str) -> ValueError:
    """Return the error for a file that cannot be trusted, with what to do about it."""
    return ValueError(f"{path}: damaged or truncated ({reason}); delete the file and make it again")
