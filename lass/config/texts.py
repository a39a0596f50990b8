"""What values of a configuration mean: text, as YAML reads it, and true or false, which are no numbers.

Text is what stands in braces on the command line.
"""

from collections.abc import Iterable, Iterator, Mapping
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


def truths_for_numbers(values: Any, read: Any) -> Iterator[tuple[list[str | int], bool]]:
    """Places where `values` have true or false, but a number was `read` from them; and which of both."""
    if isinstance(values, bool):
        if isinstance(read, int | float) and not isinstance(read, bool):
            yield [], values
        return
    entries: Iterable[tuple[Any, Any, Any]] = ()
    if isinstance(values, Mapping) and isinstance(read, Mapping):
        entries = [(name, value, read[name]) for name, value in values.items() if name in read]
    elif isinstance(values, list | tuple) and isinstance(read, list | tuple):
        entries = [(index, *pair) for index, pair in enumerate(zip(values, read, strict=False))]
    for name, value, meant in entries:
        for place, truth in truths_for_numbers(value, meant):
            yield [name, *place], truth
