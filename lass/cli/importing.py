"""`lass import`: public checkpoints of other projects as parts of a model."""

from pathlib import Path
from typing import Annotated

import typer

from lass.cli.reporting import Debug, reported, say, shown
from lass.models.pretrained.registry import KINDS, convert_files

HELP = "What the files are. " + " ".join(f"{name}: {kind.summary}." for name, kind in KINDS.items())


def import_files(  # noqa: PLR0913 (options of a command)
    kind: Annotated[str, typer.Argument(help=HELP, metavar="KIND")],
    files: Annotated[
        list[Path], typer.Argument(help="The public file, and its configuration.", metavar="FILE...")
    ],
    out: Annotated[Path, typer.Option(help="The model's folder, which the part is written into.")],
    name: Annotated[str | None, typer.Option(help="Of a prior, such as bass.")] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="That a prior or a table knows, such as bass,drums; or how many an image prior is told; or "
            "some of these with their numbers, such as tabby=281,tiger=292."
        ),
    ] = None,
    side: Annotated[int | None, typer.Option(min=1, help="Pixels of an image's side: 256.")] = None,
    heads: Annotated[int | None, typer.Option(min=1, help="Of a transformer: its n_head.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a part that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Make a part of a model of a public checkpoint; nothing that stands in the file is run.

    The codec comes first: priors and likelihood are of the codec in their folder.
    """
    with reported(debug):
        names = classes and [each.strip() for each in classes.split(",")]
        given = {"name": name, "classes": names, "side": side, "heads": heads}
        options = {key: value for key, value in given.items() if value is not None}
        path = convert_files(kind, files, out, options=options, force=force)
    say(f"licence: {KINDS[kind].licence}")
    typer.echo(f"{shown(path)}: imported from {', '.join(shown(each.name) for each in files)}")
