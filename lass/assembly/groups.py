"""Which mixtures can be separated together: those whose sources have the same priors."""

from collections.abc import Mapping, Sequence
from typing import Any


def group_by_priors(
    sources: Sequence[Sequence[str]], priors: Sequence[Mapping[str, Any]]
) -> list[tuple[list[Mapping[str, Any]], list[int]]]:
    """Pairs of one prior per source, and the rows of the mixtures that these serve, in order of appearance.

    `sources` holds the classes of every mixture; `priors` one entry per class: `source` (the class), `prior`
    (its name), `conditional` and whatever else opens it. A prior that is told no class serves all of its
    classes alike.
    """
    entries = {entry["source"]: entry for entry in priors}
    groups: dict[tuple[Any, ...], tuple[list[Mapping[str, Any]], list[int]]] = {}
    for row, classes in enumerate(sources):
        chosen = [entries[name] for name in classes]
        key = tuple((entry["prior"], entry["conditional"] and entry["source"]) for entry in chosen)
        groups.setdefault(key, (chosen, []))[1].append(row)
    return list(groups.values())
