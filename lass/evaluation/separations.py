"""Mixtures, their sources and what several methods made of them, side by side: to be drawn and exported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lass.evaluation.tables.scores import Metric
from lass.settings import distinct_names

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Separations:
    """M mixtures y with their N true sources x_n, and the estimates of every method in the sources' order.

    ValueError where their shapes do not fit each other.
    """

    items: Sequence[int]  # numbers of the mixtures, M
    classes: Sequence[Sequence[str]]  # of the sources of every mixture [M, N]
    mixtures: Array  # [M, T]
    sources: Array  # [M, N, T]
    estimates: Mapping[str, Array] = field(default_factory=dict)  # method -> [M, N, T]

    def __post_init__(self) -> None:
        count, number, length = self.sources.shape if self.sources.ndim == 3 else (0, 0, 0)
        sizes = [len(self.items), len(self.classes), {len(names) for names in self.classes}]
        if (
            self.mixtures.shape != (count, length)
            or sizes != [count, count, {number}]
            or not self.sources.size
        ):
            raise ValueError(
                f"mixtures are {self.mixtures.shape}, sources {self.sources.shape}, items "
                f"{list(self.items)}, classes {list(map(list, self.classes))}: sizes differ, give "
                "[M, T], [M, N, T], M and [M, N]"
            )
        for name, estimates in self.estimates.items():
            if estimates.shape != self.sources.shape:
                raise ValueError(
                    f"estimates of {name!r} are {estimates.shape}, expected {self.sources.shape}, "
                    "as the sources"
                )

    @property
    def names(self) -> list[list[str]]:
        """A name of its own for every source of a mixture [M, N]: its class, numbered where it repeats."""
        return [distinct_names(names) for names in self.classes]

    def with_estimates(
        self, method: str, found: Mapping[int, Array], *, metric: Metric, labels: Mapping[str, str]
    ) -> "Separations":
        """The same with one more method, whose estimates are brought to their best order.

        `found` has the estimates [N, T] of every mixture by its number, `labels` the label of every class:
        sources of equal labels may change places.
        """
        ordered = []
        for item, sources, classes in zip(self.items, self.sources, self.classes, strict=True):
            own = [labels[name] for name in classes]
            ordered.append(found[item][metric.best_order(found[item], sources, labels=own)])
        return replace(self, estimates={**self.estimates, method: np.stack(ordered)})


@dataclass(frozen=True)
class Embedded:
    """One part of a mixture as a page holds it: a picture and, where it can be heard, a sound."""

    picture: bytes  # PNG
    sound: bytes | None = None  # FLAC
    seconds: float = 0.0  # length of the sound


class Medium(Protocol):
    """What sources are: sounds or pictures."""

    def draw(self, separations: Separations, *, path: Path) -> None:
        """Draw mixtures, sources and every method's estimates side by side, and write it to `path` as PNG.

        Raises ValueError for what the medium cannot show, or a `path` that does not end in .png.
        """

    def export(self, parts: Mapping[str, Array], *, folder: Path) -> None:
        """Write what belongs to one mixture, each part [T] to a file of its name in `folder`."""

    def embed(self, parts: Mapping[str, Array]) -> dict[str, Embedded]:
        """What belongs to one mixture, each part [T] for a page: equally loud and bright as each other."""


def spread_items(mixtures: int, number: int) -> list[int]:
    """`number` of the `mixtures` of a table, evenly from the first to the last; all where there are fewer."""
    chosen: list[int] = np.linspace(0, mixtures - 1, min(number, mixtures)).round().astype(int).tolist()
    return chosen
