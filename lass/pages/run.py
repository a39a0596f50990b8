"""The page of a finished run: which tables there are, and where their files lie."""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from tabulate import tabulate

from lass.config import AnyDataset, AudioDataset, ImageDataset
from lass.data.shards import whole_shards
from lass.evaluation.opening import open_metric
from lass.evaluation.tables.files import cell_text, read_csv, texts_of
from lass.pages.drawing import Tabulated, draw_page, read_tabulated

MIXTURES = 4
"""Mixtures of a page where nothing else is asked for."""
SCORES, DISTANCES, SHIFTS = "scores", "distances", "shifts"
"""What a table is about; only one of scores has mixtures to show."""
_DATASET: TypeAdapter[AudioDataset | ImageDataset] = TypeAdapter(AnyDataset)


def page_of_run(
    run: Path, table: str | None = None, *, out: Path | None = None, mixtures: int = MIXTURES
) -> Path:
    """Write the page of a finished run's table; its path.

    Args:
        run: a folder that the workflow worked in, or the folder `results` in it.
        table: such as `slakh_sdr`; None for the only one.
        out: the file to write, which ends in .html; None for `results/{table}.html`.
        mixtures: how many, evenly spread over those of the table.

    Raises:
        FileNotFoundError: no such run or table, or a file of the run is missing.
        ValueError: several tables and none named, or a file that is not understood.
    """
    made = table_of_run(run, table)
    job, path = dataset_of(made).page_job(made.table), out or made.path.with_suffix(".html")
    estimates = {method: shards_of(made, method) for method in job.labels}
    draw_page(made, job, estimates=estimates, mixtures=mixtures, path=path)
    return path


def markdown_of_run(run: Path, table: str | None = None) -> str:
    """A finished run's table as Markdown; errors as `page_of_run`.

    Scores are in the columns of `docs/results.md`, distances (FID), shifts and failures in their own;
    these are not counted where no table is named and there is one of scores.
    """
    kinds = kinds_of_run(run)
    if table in kinds and kinds[table] != SCORES:
        path = results_of(run) / f"{table}.csv"
        shown = texts_of(read_csv(path), lambda _, value: cell_text(value))
    else:
        made = table_of_run(run, table, every=True)
        metric = open_metric(dataset_of(made).page_job(made.table).metric)
        shown = metric.shorten(read_csv(made.path.with_suffix(".csv")))
    text: str = tabulate(shown, headers="keys", tablefmt="pipe", showindex=False, disable_numparse=True)
    return text


def table_of_run(run: Path, table: str | None, *, every: bool = False) -> Tabulated:
    """How a run's table of scores was made; the only one for None. Errors as `page_of_run`.

    An error lists the tables of scores, or `every` table.
    """
    results, kinds, names = results_of(run), kinds_of_run(run), tables_of_run(run)
    if table in kinds and kinds[table] != SCORES:
        raise ValueError(f"{table} is a table of {kinds[table]}, which has no page: print it by `lass table`")
    listed = ", ".join(kinds if every else names)
    if table is not None and table not in names and listed:
        raise FileNotFoundError(f"{results} has no table {table!r}: name one of {listed}")
    if not names and not (every and listed):
        raise FileNotFoundError(
            f"{results} has no table with its settings: let the workflow make one, snakemake --cores 1"
        )
    if table is None and len(names) != 1:
        raise ValueError(f"{results} has the tables {listed}: name one of them")
    return read_tabulated(results / f"{table or names[0]}.json")


def tables_of_run(run: Path) -> list[str]:
    """Names of a run's tables that can have a page, such as `slakh_sdr`; `run` as for `page_of_run`."""
    return [name for name, kind in kinds_of_run(run).items() if kind == SCORES]


def kinds_of_run(run: Path) -> dict[str, str]:
    """Name of every table of a run -> what it is about: "scores", "distances", "shifts" or "failures"."""
    made = [path for path in sorted(results_of(run).glob("*_*.json")) if path.with_suffix(".csv").is_file()]
    return {path.stem: kind_of(path) for path in made}


def kind_of(path: Path) -> str:
    """What the table beside a file is about, as the file says it.

    Files of lass 0.1 may not say it: those of distances name a network, those of shifts no split. One that
    is not understood counts as one of scores: whoever reads it says what is wrong.
    """
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return SCORES
    if not isinstance(made, dict):
        return SCORES
    if "kind" in made:
        return str(made["kind"])
    if "network" in made:
        return DISTANCES
    return SCORES if {"split", "computed"} & made.keys() else SHIFTS


def results_of(run: Path) -> Path:
    """The folder of results of a run; FileNotFoundError where there is none."""
    for folder in (run / "results", run):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{run} is no folder: give one that the workflow worked in")


def dataset_of(made: Tabulated) -> AudioDataset | ImageDataset:
    """The settings of the data set of a table; ValueError where this version does not understand them."""
    try:
        return _DATASET.validate_python(made.config)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"][1:]))
        raise ValueError(
            f"{made.path}: {place}: {problem['msg']}; the table was made by lass {made.lass}: "
            "make it anew with this version"
        ) from error


def shards_of(made: Tabulated, method: str) -> list[Path]:
    """Files of a method's estimates; of sets of different numbers of shards the newest whole one."""
    folder = made.folder / made.split / method
    shards = whole_shards(folder, ".safetensors")
    if not shards:
        raise FileNotFoundError(
            f"{folder} lacks estimates, or some of them: let the workflow make them, "
            f"snakemake --cores 1 results/{made.path.stem}.html"
        )
    return shards
