"""The page of a table, from the files that the workflow leaves in `results/`."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lass.data.mixtures import open_mixtures
from lass.evaluation.opening import open_medium, open_metric
from lass.evaluation.page.description import Page
from lass.evaluation.page.writing import write_page
from lass.evaluation.tables.files import read_csv
from lass.evaluation.tables.scores import read_scores
from lass.pages.reading import Shards, read_separations
from lass.pages.settings import PageJob


@dataclass(frozen=True)
class Tabulated:
    """How a table was made, as the file `results/{dataset}_{table}.json` beside it says."""

    path: Path
    lass: str  # version
    split: str
    dataset: str
    table: str
    config: Mapping[str, Any]  # the section of the data set as it was when the table was made
    general: Mapping[str, Any]  # seed and pretrained
    computed: Mapping[str, Sequence[Mapping[str, str]]]  # precision and device by method

    @property
    def folder(self) -> Path:
        """The files that the table was made of."""
        return self.path.parent / self.dataset


def read_tabulated(path: Path) -> Tabulated:
    """How the table beside `path` was made.

    Raises FileNotFoundError or ValueError, naming the file, where it is missing or says something else.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: let the workflow make the table beside it, "
            f"snakemake --cores 1 results/{path.stem}.csv"
        )
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): make the table anew") from error
    if not isinstance(made, dict) or not {"config", "lass", "split", "computed"} <= made.keys():
        raise ValueError(f"{path} does not say how a table was made: make the table anew")
    config = made["config"]
    for dataset, section in config.items():
        for table in section.get("tables", {}) if isinstance(section, dict) else {}:
            if path.stem == f"{dataset}_{table}":
                general = {name: value for name, value in config.items() if name != dataset}
                known = {"lass": made["lass"], "split": made["split"], "computed": made["computed"]}
                return Tabulated(path, dataset=dataset, table=table, config=section, general=general, **known)
    raise ValueError(f"{path} is about tables of other names: give the file its name back")


def draw_page(made: Tabulated, job: PageJob, *, estimates: Shards, mixtures: int, path: Path) -> None:
    """Write the page of a table to `path`, with so many of its `mixtures`, evenly spread over them.

    Table, sources, mixtures and scores are found where the workflow puts them. FileNotFoundError or
    ValueError, naming the file, where one is missing, damaged or does not fit the others.
    """
    if mixtures < 1:
        raise ValueError(f"{mixtures} mixtures for {path}: ask for at least 1")
    metric, medium = open_metric(job.metric), open_medium(job.medium)
    sources, listed = made.folder / "sources" / made.split, made.folder / "mixtures" / f"{made.split}.parquet"
    opened = open_mixtures(sources, listed, job.library)
    page = Page(
        title=f"Separations of {made.dataset}: table {made.table}",
        table=read_csv(made.path.with_suffix(".csv")),
        separations=read_separations(opened, mixtures, estimates=estimates, labels=job.labels, metric=metric),
        scores=read_scores(metric, scores_beside(estimates)) if estimates else None,
        made=facts(made, mixtures=len(opened)),
        settings=settings_shown(made),
        meanings=job.meanings,
    )
    write_page(page, metric=metric, medium=medium, path=path)


def scores_beside(estimates: Shards) -> list[Path]:
    """The files of scores of shards of estimates."""
    return [
        shard.parents[1] / "scores" / method / f"{shard.stem}.csv"
        for method, shards in estimates.items()
        for shard in shards
    ]


def facts(made: Tabulated, *, mixtures: int) -> dict[str, str]:
    """How a table of so many mixtures was made, in words by topic."""
    ways = defaultdict[str, list[str]](list)
    for method, computed in made.computed.items():
        ways[", ".join(f"{way['precision']} on {way['device']}" for way in computed)].append(method)
    return {
        "data set": f"{made.dataset} ({made.config['kind']}, source {made.config['source']})",
        "mixtures": f"{mixtures}, of the split {made.split}",
        "models": "the given ones" if made.general.get("pretrained") else "trained in this run",
        "seed": str(made.general.get("seed")),
        "lass": str(made.lass),
    } | {f"in {way}": ", ".join(methods) for way, methods in ways.items()}


def settings_shown(made: Tabulated) -> str:
    """Settings behind a table as JSON: of mixtures, methods and tables; they name no folder of a user."""
    chosen = {name: made.config.get(name) for name in ("mixtures", "separation", "tables")}
    return json.dumps(chosen, indent=2, ensure_ascii=False)
