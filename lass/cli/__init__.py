"""The command `lass`: separate recordings, look at models, make and check them, show tables.

Errors are one line with the file, the value and the remedy; `--debug` shows where they come from. Exit codes:
0 all went well, 1 a file or a model cannot be used, 2 the command line is wrong, 130 stopped by Ctrl-C.
"""

import signal
import sys

import typer

from lass import __version__
from lass.cli.assembling import assemble
from lass.cli.importing import import_files
from lass.cli.models import check, models_app, pack
from lass.cli.pages import page, print_table
from lass.cli.separation import separate

app = typer.Typer(
    help="Take recordings apart into their sources.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
app.add_typer(models_app, name="models")
app.command()(separate)
app.command()(check)
app.command()(pack)
app.command(name="import")(import_files)
app.command()(assemble)
app.command()(page)
app.command(name="table")(print_table)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command. Ctrl-C ends it with code 130, `kill` with 143; neither leaves a file half-written."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    app()
