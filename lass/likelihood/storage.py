"""Tensor files with a format name and a version: written aside, refused when they are not as expected."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

# Safetensors writes several metadata entries in an order that changes from run to run. One entry that
# holds JSON with sorted keys keeps the bytes of a file a function of its content alone.
_ENTRY = "lass"


def write_tensors(
    path: Path, tensors: dict[str, np.ndarray], *, form: str, version: int, sizes: Mapping[str, int]
) -> None:
    """Write numpy arrays and their header to `path`, which appears complete or not at all.

    `form` and `version` name the format, `sizes` holds the integers that a reader checks first.
    Equal arguments give equal bytes.
    """
    header = json.dumps({"form": form, "version": version, **sizes}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.touch()
        mode = aside.stat().st_mode  # what the user's umask gives; safetensors would leave 0600
        save_file(tensors, aside, metadata={_ENTRY: header})
        aside.chmod(mode)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_sizes(path: Path, *, form: str, version: int, expected: Mapping[str, int | None]) -> dict[str, int]:
    """Read the header of a file and return the integers named by the keys of `expected`.

    A key whose expected value is None takes any value. The tensors themselves are not read.

    Raises FileNotFoundError when there is no such file, and ValueError when it is damaged, has another
    format or version, or holds a size that differs from the expected one.
    """
    header = _read_header(path)
    found = (header.get("form"), header.get("version"))
    if found != (form, version):
        raise ValueError(
            f"{path}: format {found[0]!r} version {found[1]!r} cannot be read here, "
            f"expected {form!r} version {version}; delete it and make it again with this version of lass"
        )
    for name, value in expected.items():
        if not isinstance(header.get(name), int):
            raise ValueError(f"{path}: its header lacks {name!r}; delete the file and make it again")
        if value is not None and header[name] != value:
            raise ValueError(
                f"{path}: made for {name} = {header[name]}, but {name} = {value} is needed; "
                "give the file that belongs to this configuration, or delete it and make it again"
            )
    return {name: header[name] for name in expected}


def damaged(path: Path, reason: str) -> ValueError:
    """Return the error for a file that cannot be trusted, with what to do about it."""
    return ValueError(f"{path}: damaged or truncated ({reason}); delete the file and make it again")


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; run the step that makes it first")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata.get(_ENTRY, "{}"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(header, dict):
        raise damaged(path, f"its header is {header!r}")
    return header
