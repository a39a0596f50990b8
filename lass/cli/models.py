"""`lass models` and `lass check`: which models are at hand, and whether they are whole."""

from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from lass.bundle.finding import find_model, models_at_hand
from lass.cli.reporting import OUTPUT, Debug, reported, shown

models_app = typer.Typer(help="Models at hand.", invoke_without_command=True)


@models_app.callback()
def models(context: typer.Context, debug: Debug = False) -> None:
    """List the models at hand: shipped with lass, or in the user's cache."""
    if context.invoked_subcommand is not None:
        return
    from lass.bundle.folder import read_description, size_of  # noqa: PLC0415 (needs torch)

    table = Table("model", "sources", "works at", "size", "best", "from")
    with reported(debug):
        for found in models_at_hand():
            one = read_description(found.folder)
            result = one.presets["best"].result
            table.add_row(
                found.name,
                ", ".join(one.sources),
                f"{one.codec.rate} Hz" if one.codec.rate else f"{one.image} pixels",
                f"{size_of(one):.0f} MB",
                f"{result.metric} {result.mean:.1f} dB" if result else "",
                found.origin,
            )
    OUTPUT.print(table)


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
    typer.echo(
        f"{shown(found)}: {len(described.files)} parts, all whole and of codebook {described.codebook}"
    )
