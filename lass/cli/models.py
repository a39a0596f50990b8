"""`lass models`, `lass check` and `lass pack`: which models are at hand, are they whole, and new ones."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from lass.bundle.finding import find_model, models_at_hand
from lass.cli.reporting import OUTPUT, Debug, complain, one_line, reported, shown

models_app = typer.Typer(help="Models at hand.", invoke_without_command=True)


@models_app.callback()
def models(context: typer.Context, debug: Debug = False) -> None:
    """List the models at hand: shipped with lass, or in the user's cache."""
    if context.invoked_subcommand is not None:
        return
    from lass.bundle.folder import read_description, size_of  # noqa: PLC0415 (needs torch)

    table = Table("model", "sources", "works at", "size", "best", "from")
    broken = False
    with reported(debug):
        for found in models_at_hand():
            try:
                one = read_description(found.folder)
            except (OSError, ValueError) as error:
                complain(one_line(error))
                broken = True
                continue
            result = one.presets["best"].result
            table.add_row(
                found.name,
                ", ".join(one.sources),
                f"{one.rate} Hz" if one.rate else f"{one.image} pixels",
                f"{size_of(one):.0f} MB",
                f"{result.metric} {result.mean:.1f} dB" if result else "",
                found.origin,
            )
    OUTPUT.print(table)
    if broken:
        raise typer.Exit(1)


@models_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model at hand, or a folder.")], debug: Debug = False
) -> None:
    """Print the card of a model."""
    with reported(debug):
        text = (find_model(name) / "README.md").read_text(encoding="utf-8")
    if OUTPUT.is_terminal:
        OUTPUT.print(Markdown(text))
    else:
        typer.echo(text, nl=False)


def check(
    folder: Annotated[str, typer.Argument(help="A model at hand, or a folder.")], debug: Debug = False
) -> None:
    """Look at every byte of a model: are its parts whole, and of one kind."""
    from lass.bundle.folder import check_model  # noqa: PLC0415 (needs torch)

    with reported(debug):
        found = find_model(folder)
        described = check_model(found)
    codebook = f" and of codebook {described.codebook}" if described.codebook else ""
    typer.echo(f"{shown(found)}: {len(described.files)} parts, all whole{codebook}")


def pack(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, which contains results/.")],
    dataset: Annotated[str | None, typer.Option(help="The data set, where there are several.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The model's folder.", show_default="RUN/results/DATASET/model")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a model that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Pack the parts of a finished run into one folder that separates: those that its presets need."""
    with reported(debug):
        from lass.runs import open_run, pack_run  # noqa: PLC0415 (needs torch)

        opened = open_run(run, dataset)
        folder = out or opened.folder / "model"
        if folder.exists() and not (force and (folder / "model.json").is_file()):
            raise ValueError(
                f"{folder} is there already: choose another --out, or give --force where it is a model"
            )
        described = pack_run(opened, folder)
    codebook = f" of codebook {described.codebook}" if described.codebook else ""
    typer.echo(f"{shown(folder)}: {len(described.files)} parts{codebook}")
