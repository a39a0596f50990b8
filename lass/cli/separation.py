"""`lass separate`: every source of each recording to a file."""

import hashlib
import json
import math
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lass import __version__
from lass.bundle.finding import DEFAULT
from lass.bundle.settings import Description, PresetName
from lass.cli.reporting import ERRORS, MENDED, Debug, complain, one_line, reported, say, shown
from lass.cli.tasks import Task, check_no_folders, is_done, recordings_of, reserved, tasks_of
from lass.data.audio.streams import Excerpt

if TYPE_CHECKING:
    from lass.api import Separator, Written


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


@dataclass(frozen=True)
class Wanted:
    """How recordings are to be separated."""

    preset: PresetName
    form: str
    excerpt: Excerpt
    seed: int
    force: bool
    quiet: bool
    debug: bool

    def comment(self, description: Description, path: Path) -> str:
        """How the sources of the recording at `path` are made; the files carry it."""
        model = hashlib.sha256(description.model_dump_json().encode()).hexdigest()[:16]
        start, end = self.excerpt.start, self.excerpt.end
        to = "the end" if end is None else f"{end!r} s"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return (
            f"lass {__version__}: {description.about.name} ({model}), preset {self.preset}, "
            f"seed {self.seed}, {start!r} s to {to} of {digest}"
        )


Inputs = Annotated[
    list[str], typer.Argument(help="Recordings, folders of them, or patterns.", metavar="INPUT...")
]
Model = Annotated[str, typer.Option(help="A model at hand (see `lass models`), or a folder.")]
Out = Annotated[Path, typer.Option(help="Where the sources go: OUT/<song>/<source>.wav.")]
OfPreset = Annotated[PresetChoice, typer.Option(help="The best, the paper's procedure, or fast.")]
OfDevice = Annotated[DeviceChoice, typer.Option(help="Where networks run.")]
OfFormat = Annotated[FormatChoice, typer.Option("--format", help="wav: 32-bit floats. flac: 24 bits.")]
Start = Annotated[float, typer.Option(min=0, help="Begin at this second.")]
End = Annotated[float | None, typer.Option(min=0, help="End at this second.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides every random draw.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a summary for machines.")]


def separate(  # noqa: PLR0913 (options of a command)
    inputs: Inputs,
    model: Model = DEFAULT,
    out: Out = Path("separated"),
    preset: OfPreset = PresetChoice.best,
    device: OfDevice = DeviceChoice.auto,
    form: OfFormat = FormatChoice.wav,
    start: Start = 0.0,
    end: End = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write every source of each recording to a file: its rate, channels and length are the recording's.

    The sources of a recording add up to it. A recording that cannot be separated is named, and the next goes
    on.

    After Ctrl-C the same command goes on where it was: recordings whose sources are there, made with the same
    options, are skipped. Sources that were made in another way are overwritten with --force only.
    """
    with reported(debug):
        excerpt = excerpt_of(start, end)
        tasks = tasks_of(recordings_of(inputs), out)
        from lass.api import Separator  # noqa: PLC0415 (needs seconds to import; the other commands do without)

        separator = Separator.load(model, device=device.value)
        check_usable(separator.description, preset.value)
    wanted = Wanted(preset.value, form.value, excerpt, seed, force, as_json, debug)
    if not as_json:
        about = separator.description.about
        say(f"{about.name}: {about.summary}")
    summaries = separate_all(separator, tasks, wanted)
    if as_json:
        typer.echo(json.dumps({"model": separator.description.about.name, "files": summaries}, indent=2))
    if any("error" in each for each in summaries):
        raise typer.Exit(1)


def excerpt_of(start: float, end: float | None) -> Excerpt:
    """Seconds, checked."""
    if not math.isfinite(start) or not math.isfinite(end or 0):
        raise ValueError(f"--start {start} --end {end}: give seconds, or leave --end away")
    if end is not None and end <= start:
        raise ValueError(f"--end {end:g} is not after --start {start:g}: give a later one")
    return Excerpt(start, end)


def check_usable(description: Description, preset: str) -> None:
    """ValueError for a model of images, or without this preset."""
    name = description.about.name
    if description.kind != "audio":
        raise ValueError(f"{name} is a model of images: give --model one of audio (see `lass models`)")
    if preset not in description.presets:
        raise ValueError(f"{name} has no preset {preset}: give one of {', '.join(description.presets)}")


def separate_all(separator: "Separator", tasks: list[Task], wanted: Wanted) -> list[dict[str, Any]]:
    """One recording after the other; what the summary says of each."""
    summaries: list[dict[str, Any]] = []
    for task in tasks:
        try:
            summaries.append(separate_one(separator, task, wanted))
        except KeyboardInterrupt:
            then = "--force begins anew" if wanted.force else "the same command goes on there"
            say(
                f"lass: stopped at {shown(task.path)}, after {len(summaries)} of {len(tasks)} recordings: "
                f"{then}"
            )
            raise typer.Exit(130) from None
        except Exception as error:  # of one recording: the next goes on
            if wanted.debug:
                raise
            line = one_line(error) if isinstance(error, MENDED) else shown(f"{type(error).__name__}: {error}")
            if shown(task.path) not in line and str(task.folder) not in line:
                line = f"{shown(task.path)}: {line}"
            complain(line)
            summaries.append({"input": str(task.path), "error": line})
    return summaries


def separate_one(separator: "Separator", task: Task, wanted: Wanted) -> dict[str, Any]:
    """Separate one recording, unless it is done; what the summary says of it."""
    outputs = task.outputs(separator.sources, wanted.form)
    summary = {"input": str(task.path), "outputs": {name: str(path) for name, path in outputs.items()}}
    if not task.path.is_file():
        raise FileNotFoundError(
            f"{task.path} {'is no file' if task.path.exists() else 'does not exist'}: give a recording"
        )
    comment = wanted.comment(separator.description, task.path)
    check_no_folders(outputs)
    with reserved(task.folder):
        if not wanted.force and is_done(outputs, comment):
            if not wanted.quiet:
                say(f"{shown(task.folder)}: is there already: skipped (--force separates it again)")
            return summary | {"skipped": True}
        begun = time.monotonic()
        written = with_bar(separator, task, outputs, wanted, comment)
    took, length = time.monotonic() - begun, written.surveyed.frames / written.surveyed.rate
    if not wanted.quiet:
        say(f"{shown(task.folder)}: {length:.1f} s in {took:.1f} s ({took / length:.2f} times its length)")
    if written.clipped:
        say(
            f"{shown(task.folder)}: {written.clipped} samples beyond full scale are clipped in .flac: "
            "--format wav keeps them",
            warning=True,
        )
    return summary | {
        "skipped": False, "seconds": length, "took": took, "clipped": written.clipped,
        **{name: getattr(written.surveyed, name) for name in ("rate", "channels", "frames")},
    }  # fmt: skip


def with_bar(
    separator: "Separator", task: Task, outputs: dict[str, Path], wanted: Wanted, comment: str
) -> "Written":
    """Separate one recording, with a bar where a person looks on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERRORS, disable=wanted.quiet or not ERRORS.is_terminal) as bar:
        row = bar.add_task(escape(shown(task.path.name)), total=None)

        def done(seconds: float, of: float) -> None:
            bar.update(row, completed=seconds, total=of)

        return separator.separate_file(
            task.path,
            outputs,
            preset=wanted.preset,
            excerpt=wanted.excerpt,
            seed=wanted.seed,
            progress=done,
            comment=comment,
        )
