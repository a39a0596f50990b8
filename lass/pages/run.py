"""The page of a finished run: which tables there are, and where their files lie."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from tabulate import tabulate

from lass.config import AnyDataset, AudioDataset, ImageDataset
from lass.data.shards import whole_shards
from lass.evaluation.opening import open_metric
from lass.evaluation.tables.files import read_csv
from lass.pages.drawing import Tabulated, draw_page, read_tabulated

MIXTURES = 4
"""Mixtures of a page where nothing else is asked for."""
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
    """A finished run's table in the columns of `docs/results.md`, as Markdown; errors as `page_of_run`."""
    made = table_of_run(run, table)
    metric = open_metric(dataset_of(made).page_job(made.table).metric)
    shown = metric.shorten(read_csv(made.path.with_suffix(".csv")))
    text: str = tabulate(shown, headers="keys", tablefmt="pipe", showindex=False, disable_numparse=True)
    return text


def table_of_run(run: Path, table: str | None) -> Tabulated:
    """How a run's table was made; the only one for None. Errors as `page_of_run`."""
    results, names = results_of(run), tables_of_run(run)
    if not names:
        raise FileNotFoundError(
            f"{results} has no table with its settings: let the workflow make one, snakemake --cores 1"
        )
    if table is None and len(names) > 1:
        raise ValueError(f"{results} has the tables {', '.join(names)}: name one of them")
    chosen = table or names[0]
    if chosen not in names:
        raise FileNotFoundError(f"{results} has no table {chosen!r}: name one of {', '.join(names)}")
    return read_tabulated(results / f"{chosen}.json")


def tables_of_run(run: Path) -> list[str]:
    """Names of a run's tables that can have a page, such as `slakh_sdr`; `run` as for `page_of_run`."""
    made = [path for path in sorted(results_of(run).glob("*_*.json")) if path.with_suffix(".csv").is_file()]
    return [path.stem for path in made if not path.stem.endswith("_fid")]  # that is about no single mixture


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
