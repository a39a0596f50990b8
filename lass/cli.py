"""The command `lass`: separate recordings, look at models, pack and check them, draw pages.

Errors are one line with the file, the value and the remedy; `--debug` shows where they come from. Exit codes:
0 all went well, 1 a file or a model cannot be used, 2 the command line is wrong, 130 stopped by Ctrl-C.
"""

import glob
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lass import __version__
from lass.bundle.finding import DEFAULT, find_model, models_at_hand
from lass.bundle.settings import Description
from lass.data.audio.streams import Excerpt
from lass.data.settings import AUDIO_SUFFIXES

app = typer.Typer(
    help="Take recordings apart into their sources.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
models_app = typer.Typer(help="Models at hand.", invoke_without_command=True)
app.add_typer(models_app, name="models")
_output, _errors = Console(highlight=False), Console(stderr=True, highlight=False)


class PresetChoice(StrEnum):
    """Presets of models."""

    best = "best"
    paper = "paper"
    fast = "fast"


class FormatChoice(StrEnum):
    """Formats of the files that are written."""

    wav = "wav"
    flac = "flac"


class DeviceChoice(StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Debug = Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")]


@contextmanager
def _reported(debug: bool) -> Iterator[None]:
    """Turn errors that a user can mend into one line and exit code 1."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if debug:
            raise
        _errors.print(f"lass: {one_line(error)}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def one_line(error: Exception) -> str:
    """What is wrong, in a line; of errors of the system with the file and the remedy."""
    if isinstance(error, OSError) and error.strerror:
        remedies = {
            13: "choose another --out, or change its permissions",
            28: "make room, or choose another --out",
        }
        remedy = remedies.get(error.errno or 0, "")
        return f"{error.filename or 'writing'}: {error.strerror}" + (f": {remedy}" if remedy else "")
    return " ".join(str(error).split())


@dataclass(frozen=True)
class Task:
    """A recording that is to be separated, and where its sources go."""

    path: Path
    folder: Path

    def outputs(self, sources: list[str], form: str) -> dict[str, Path]:
        """Source -> the file that it is written to."""
        return {name: self.folder / f"{name}.{form}" for name in sources}


def recordings_of(inputs: list[str]) -> list[Path]:
    """The files that are meant: as named, those that a pattern matches, or the recordings of a folder.

    ValueError for a folder without any, a pattern that matches nothing, or a file twice.
    """
    found: list[Path] = []
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix.lower() in AUDIO_SUFFIXES)
            if not inside:
                raise ValueError(
                    f"{path} has no recordings in it ({', '.join(AUDIO_SUFFIXES)}): give another"
                )
            found += inside
        elif not path.exists() and glob.has_magic(given):
            matched = sorted(Path(each) for each in glob.glob(given, recursive=True))  # noqa: PTH207
            if not matched:
                raise ValueError(f"{given} matches no file: correct the pattern")
            found += [each for each in matched if each.is_file()]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def tasks_of(paths: list[Path], out: Path) -> list[Task]:
    """Where the sources of each of the recordings go: a folder of its name.

    ValueError where two of them have one name.
    """
    folders: dict[str, Path] = {}
    for path in paths:
        name = path.stem.casefold()
        if name in folders:
            raise ValueError(
                f"{folders[name]} and {path} would both go to {out / path.stem}: separate one of them with "
                "another --out"
            )
        folders[name] = path
    return [Task(path, out / path.stem) for path in paths]


def check_free(task: Task, outputs: dict[str, Path], *, force: bool) -> None:
    """Refuse to overwrite what is there; ValueError, naming the file."""
    there = [path for path in outputs.values() if path.exists()]
    if there and not force:
        raise ValueError(f"{there[0]} is there already: give --force to overwrite it, or another --out")
    if task.folder.exists() and not task.folder.is_dir():
        raise ValueError(f"{task.folder} is a file: choose another --out")


@app.command()
def separate(  # noqa: PLR0913 (options of a command)
    inputs: Annotated[
        list[str], typer.Argument(help="Recordings, folders of them, or patterns.", metavar="INPUT...")
    ],
    model: Annotated[str, typer.Option(help="A model at hand (see `lass models`), or a folder.")] = DEFAULT,
    out: Annotated[Path, typer.Option(help="Where the sources go: OUT/<song>/<source>.wav.")] = Path(
        "separated"
    ),
    preset: Annotated[
        PresetChoice, typer.Option(help="The best, the paper's procedure, or fast.")
    ] = PresetChoice.best,
    device: Annotated[DeviceChoice, typer.Option(help="Where networks run.")] = DeviceChoice.auto,
    form: Annotated[
        FormatChoice, typer.Option("--format", help="wav: 32-bit floats. flac: 24 bits.")
    ] = FormatChoice.wav,
    start: Annotated[float, typer.Option(min=0, help="Begin at this second.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="End at this second.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every random draw.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Write every source of each recording to a file: its rate, channels and length are the recording's.

    They add up to it. A recording that cannot be separated is named, and the next goes on.
    """
    with _reported(debug):
        if end is not None and end <= start:
            raise ValueError(f"--end {end} is not after --start {start}: swap them")
        tasks = tasks_of(recordings_of(inputs), out)
        from lass.api import Separator  # noqa: PLC0415 (needs seconds to import; the other commands do without)

        separator = Separator.load(model, device=device.value)
        if separator.rate is None:
            raise ValueError(f"{model} is a model of images: it separates no recordings")
    describe_limits(separator.description, quiet=as_json)
    options = {"preset": preset.value, "excerpt": Excerpt(start, end), "seed": seed}
    summaries, failed = [], False
    for task in tasks:
        try:
            with _reported(debug):
                outputs = task.outputs(separator.sources, form.value)
                check_free(task, outputs, force=force)
                summaries.append(separate_one(separator, task, outputs, options, quiet=as_json))
        except typer.Exit:
            failed = True
    if as_json:
        _output.print_json(json.dumps({"model": separator.description.about.name, "files": summaries}))
    if failed:
        raise typer.Exit(1)


def describe_limits(description: Description, *, quiet: bool) -> None:
    """Say which model it is, and what it knows."""
    if not quiet:
        _errors.print(f"{description.about.name}: {description.about.summary}", markup=False, style="dim")


def separate_one(
    separator: Any, task: Task, outputs: dict[str, Path], options: dict[str, Any], *, quiet: bool
) -> dict[str, Any]:
    """Separate one recording, with a bar; what the summary says of it."""
    task.folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=_errors, disable=quiet or not _errors.is_terminal) as bar:
            shown = bar.add_task(task.path.name.replace("[", "\\["), total=None)

            def done(seconds: float, of: float) -> None:
                bar.update(shown, completed=seconds, total=of)

            written = separator.separate_file(task.path, outputs, progress=done, **options)
    except BaseException:
        if not any(task.folder.iterdir()):
            task.folder.rmdir()
        raise
    took, length = time.monotonic() - begun, written.surveyed.frames / written.surveyed.rate
    if not quiet:
        _errors.print(
            f"{task.folder}: {length:.1f} s in {took:.1f} s ({took / length:.2f} times its length)",
            markup=False,
        )
    if written.clipped:
        _errors.print(
            f"{task.folder}: {written.clipped} samples beyond full scale are clipped in .flac: --format wav "
            "keeps them",
            markup=False,
            style="yellow",
        )
    return {
        "input": str(task.path), "outputs": {name: str(path) for name, path in outputs.items()},
        "seconds": length, "took": took, "clipped": written.clipped,
        **{name: getattr(written.surveyed, name) for name in ("rate", "channels", "frames")},
    }  # fmt: skip


@models_app.callback()
def models(context: typer.Context, debug: Debug = False) -> None:
    """List the models at hand: shipped with lass, or in the user's cache."""
    if context.invoked_subcommand is not None:
        return
    from lass.bundle.folder import read_description, size_of  # noqa: PLC0415 (needs torch)

    table = Table("model", "sources", "works at", "size", "best", "from")
    with _reported(debug):
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
    _output.print(table)


@models_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model at hand, or a folder.")], debug: Debug = False
) -> None:
    """Print the card of a model."""
    with _reported(debug):
        text = (find_model(name) / "README.md").read_text(encoding="utf-8")
    _output.print(Markdown(text) if _output.is_terminal else text, markup=False)


@app.command()
def check(
    folder: Annotated[str, typer.Argument(help="A model at hand, or a folder.")], debug: Debug = False
) -> None:
    """Look at every byte of a model: are its parts whole, and of one kind."""
    from lass.bundle.folder import check_model  # noqa: PLC0415 (needs torch)

    with _reported(debug):
        found = find_model(folder)
        described = check_model(found)
    _output.print(
        f"{found}: {len(described.files)} parts, all whole and of codebook {described.codebook}", markup=False
    )


@app.command()
def version() -> None:
    """Print the version."""
    _output.print(__version__)


def main() -> None:
    """Run the command; Ctrl-C ends it with code 130, and leaves nothing half-written."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        _errors.print("lass: stopped")
        sys.exit(130)
