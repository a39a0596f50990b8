"""Which mixtures can be separated together: those whose sources have the same priors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Group:
    """Mixtures of one list of priors."""

    priors: list[Mapping[str, Any]]  # one entry per source
    interchangeable: bool  # whether all of them are the same: nothing tells the sources apart
    rows: list[int] = field(default_factory=list)  # of the mixtures


def group_by_priors(sources: Sequence[Sequence[str]], priors: Sequence[Mapping[str, Any]]) -> list[Group]:
    """The groups of mixtures whose classes are `sources`, in order of appearance.

    `priors` holds one entry per class: `source` (the class), `prior` (its name), `conditional` and whatever
    else opens it. A prior that is told no class serves all of its classes alike.
    """
    entries = {entry["source"]: entry for entry in priors}
    groups: dict[tuple[Any, ...], Group] = {}
    for row, classes in enumerate(sources):
        chosen = [entries[name] for name in classes]
        key = tuple((entry["prior"], entry["conditional"] and entry["source"]) for entry in chosen)
        groups.setdefault(key, Group(chosen, len(set(key)) == 1)).rows.append(row)
    return list(groups.values())
