"""Values that come as text, such as what stands in braces on the command line: read as YAML reads them."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml


def without_texts_of_null(values: Any) -> Any:
    """A copy of `values`, mappings and lists of them, in which the text null is None."""
    if isinstance(values, Mapping):
        return {name: without_texts_of_null(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [without_texts_of_null(value) for value in values]
    return None if values == "null" else values


def read_texts(values: Any, places: Iterable[list[str | int]]) -> bool:
    """Put what they mean in the place of the texts at `places` in `values`; whether there was any."""
    found = False
    for place in places:
        node = values
        try:
            for part in place[:-1]:
                node = node[part]
            text = node[place[-1]]
        except (LookupError, TypeError):
            continue
        meaning = meaning_of(text) if isinstance(text, str) else None
        if meaning is not None and meaning != text:
            node[place[-1]], found = meaning, True
    return found


def meaning_of(text: str) -> Any:
    """What `text` is to YAML; also a number such as 1e3, which YAML 1.1 takes for text."""
    try:
        meaning = yaml.safe_load(text)
        return float(meaning) if isinstance(meaning, str) else meaning
    except (yaml.YAMLError, ValueError):
        return text
