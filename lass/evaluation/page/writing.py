"""From the description of a page to its file: every sound and picture inside, nothing from elsewhere."""

import base64
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from lass.evaluation.page.description import Page, explained_columns
from lass.evaluation.separations import Array, Embedded, Medium
from lass.evaluation.tables.files import records
from lass.evaluation.tables.scores import Metric
from lass.writing import written_aside

LIMIT = 15_000_000
"""Bytes of sounds and pictures in a page, nearly all of it: mixtures that would exceed it are left out."""
MIXTURE, TRUE = "mixture", "true"
"""What the rows of a mixture are called that no method has made."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """A value of the table: what is read, and what it is sorted by (a number, a name, or nothing)."""

    text: str
    key: str
    numeric: bool


@dataclass(frozen=True)
class Tile:
    """One sound or picture: the name of its file, what it is, its score, and its bytes as data URIs."""

    file: str
    source: str
    label: str
    note: str
    picture: str
    sound: str | None

    @property
    def size(self) -> int:
        """Bytes in the page."""
        return len(self.picture) + len(self.sound or "")


@dataclass(frozen=True)
class Panel:
    """One mixture: its rows of tiles by name, their scores, and the length of its sounds in seconds.

    Of images one score stands for all sources of a mixture, and is that of a row; of sounds each has its own.
    """

    item: int
    classes: Sequence[str]
    rows: Mapping[str, Sequence[Tile]]
    notes: Mapping[str, str]
    seconds: float

    @property
    def size(self) -> int:
        """Bytes in the page."""
        return sum(tile.size for tiles in self.rows.values() for tile in tiles)


def write_page(page: Page, *, metric: Metric, medium: Medium, path: Path) -> None:
    """Write `page` to `path` as one file of HTML, aside and renamed; equal pages give equal bytes.

    Mixtures that would make the file larger than LIMIT are left out, but not the first; the page and the log
    say so. ValueError where `path` does not end in .html.
    """
    if path.suffix != ".html":
        raise ValueError(f"{path}: a page is a file of HTML: give it a name that ends in .html")
    panels = fitting_panels(page, metric=metric, medium=medium)
    chosen, names = len(page.separations.items), list(page.table)
    if len(panels) < chosen:
        logger.warning("%s: %d of %d mixtures, as more need over %d bytes", path, len(panels), chosen, LIMIT)
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")
    text = template.render(
        page=page,
        columns=names,
        rows=list(cells_of(page.table, metric)),
        panels=panels,
        chosen=chosen,
        column_meanings=explained_columns(names),
        method_meanings=page.meanings,
        audible=any(panel.seconds for panel in panels),
    )
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def cells_of(table: pd.DataFrame, metric: Metric) -> Iterator[list[Cell]]:
    """The rows of a table of results as text, with what they are sorted by."""
    for row in records(table):
        yield [
            Cell(metric.cell(name, value), sort_key(value), is_number(value)) for name, value in row.items()
        ]


def is_number(value: float | str | None) -> bool:
    """Whether a value is a number and not NaN."""
    return isinstance(value, int | float) and not math.isnan(value)


def sort_key(value: float | str | None) -> str:
    """A value as JavaScript reads it as a number, a text as it is; nothing for what is missing."""
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, str) or is_number(value) else ""


def fitting_panels(page: Page, *, metric: Metric, medium: Medium) -> list[Panel]:
    """The mixtures of a page, encoded, as many as fit into LIMIT; at least the first."""
    panels: list[Panel] = []
    scores, size = page.score_of(metric), 0
    for place in range(len(page.separations.items)):
        panel = panel_of(page, place, scores=scores, metric=metric, medium=medium)
        size += panel.size
        if panels and size > LIMIT:
            break
        panels.append(panel)
    return panels


def panel_of(
    page: Page,
    place: int,
    *,
    scores: Mapping[tuple[str, int, str | None], float],
    metric: Metric,
    medium: Medium,
) -> Panel:
    """The mixture at `place` of a page, encoded."""
    shown = page.separations
    item, names = shown.items[place], shown.names[place]
    lines: dict[str, Array] = {TRUE: shown.sources[place]}
    lines |= {method: estimates[place] for method, estimates in shown.estimates.items()}
    parts = {(MIXTURE, MIXTURE): shown.mixtures[place]} | {
        (line, name): part
        for line, of_line in lines.items()
        for name, part in zip(names, of_line, strict=True)
    }
    encoded = medium.embed({f"{name}_{line}": part for (line, name), part in parts.items()})

    def note_of(line: str, name: str | None) -> str:
        score = scores.get((line, item, name))
        return f"{metric.cell(metric.main, score)} dB" if score is not None else ""

    rows: dict[str, list[Tile]] = {}
    for line, name in parts:
        tile = tile_of(encoded[f"{name}_{line}"], item, line, name, note_of(line, name))
        rows.setdefault(line, []).append(tile)
    notes = {line: note_of(line, None) for line in rows}
    return Panel(item, names, rows, notes, max(each.seconds for each in encoded.values()))


def tile_of(embedded: Embedded, item: int, line: str, name: str, note: str) -> Tile:
    """What a page holds of one sound or picture; files are called as those of the examples."""
    whole = line == MIXTURE
    label = "the mixture" if whole else f"{name}, true source" if line == TRUE else f"{name} by {line}"
    return Tile(
        file=f"{item:05d}_{name if whole else f'{name}_{line}'}",
        source=name,
        label=label,
        note=note,
        picture=data_uri("image/png", embedded.picture),
        sound=data_uri("audio/flac", embedded.sound) if embedded.sound is not None else None,
    )


def data_uri(kind: str, content: bytes) -> str:
    """Bytes of a media type as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
