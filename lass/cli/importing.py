"""`lass import`: public checkpoints of other projects as parts of a model."""

from pathlib import Path
from typing import Annotated

import typer

from lass.cli.reporting import Debug, reported, say, shown
from lass.models.pretrained.registry import KINDS, convert_files

HELP = "What the files are. " + " ".join(f"{name}: {kind.summary}." for name, kind in KINDS.items())


def import_files(
    kind: Annotated[str, typer.Argument(help=HELP, metavar="KIND")],
    files: Annotated[list[Path], typer.Argument(help="The public file.", metavar="FILE...")],
    out: Annotated[Path, typer.Option(help="The model's folder, which the part is written into.")],
    name: Annotated[str | None, typer.Option(help="Of a prior, such as bass.")] = None,
    classes: Annotated[
        str | None, typer.Option(help="That a prior or a table knows, such as bass,drums.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a part that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Make a part of a model of a public checkpoint; nothing that stands in the file is run.

    The codec comes first: priors and likelihood are of the codec in their folder.
    """
    with reported(debug):
        given = {"name": name, "classes": classes and [each.strip() for each in classes.split(",")]}
        options = {key: value for key, value in given.items() if value is not None}
        path = convert_files(kind, files, out, options=options, force=force)
    say(f"licence: {KINDS[kind].licence}")
    typer.echo(f"{shown(path)}: imported from {', '.join(shown(each.name) for each in files)}")
