"""`lass page`, `lass table`: a finished run's table as a page to listen to, and as text."""

from pathlib import Path
from typing import Annotated

import typer

from lass.cli.reporting import Debug, reported, shown

Run = Annotated[Path, typer.Argument(help="The folder of a finished run, which contains results/.")]
Table = Annotated[str | None, typer.Option(help="Such as slakh_sdr, where there are several.")]


def page(
    run: Run,
    table: Table = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="RUN/results/TABLE.html")
    ] = None,
    mixtures: Annotated[int, typer.Option(min=1, help="Mixtures to listen to.")] = 4,
    debug: Debug = False,
) -> None:
    """Write a table of a run as one page to listen to: numbers, and what each method makes of mixtures."""
    with reported(debug):
        from lass.pages.run import page_of_run  # noqa: PLC0415 (needs seconds)

        path = page_of_run(run, table, out=out, mixtures=mixtures)
    typer.echo(shown(path))


def print_table(run: Run, table: Table = None, debug: Debug = False) -> None:
    """Print a table of a run as Markdown: mean and error of every method."""
    with reported(debug):
        from lass.pages.run import markdown_of_run  # noqa: PLC0415 (needs seconds)

        text = markdown_of_run(run, table)
    typer.echo(text)
