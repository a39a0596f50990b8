"""What no tensor tells, from the configuration that was published beside the weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

ENDINGS = (".json", ".yaml", ".yml")


def told_apart(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Those of `files` that hold weights, and those that are configurations by their names."""
    configurations = [path for path in files if path.suffix in ENDINGS]
    return [path for path in files if path not in configurations], configurations


def told_by(configurations: Sequence[Path], key: str, kind: type[Any]) -> Any:
    """The value of `key`, which is of `kind`, wherever it stands in `configurations`; None where it does not.

    Raises ValueError, naming the file, where one cannot be read, or has several values or another kind.
    """
    found: Any = None
    for path in configurations:
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML too
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: no configuration ({error}); give the one of the weights") from error
        for value in values_of(document, key):
            if not isinstance(value, kind) or found not in (None, value):
                raise ValueError(f"{path}: {key} is {value!r}, after {found!r}; name the right one yourself")
            found = value
    return found


def values_of(document: Any, key: str) -> Iterator[Any]:
    """Every value of `key` at any depth."""
    if isinstance(document, dict):
        if key in document:
            yield document[key]
        for value in document.values():
            yield from values_of(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from values_of(value, key)


def heads_of(heads: int | None, configurations: Sequence[Path]) -> int:
    """`heads` where given, else what `configurations` tell; ValueError where nothing does."""
    found = heads or told_by(configurations, "n_head", int)
    if found is None:
        raise ValueError(
            "the number of heads is not known, and no tensor tells it: give --heads, or the configuration "
            "(config.json, project.yaml) as a further file"
        )
    return int(found)
