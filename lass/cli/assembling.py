"""`lass assemble`: parts that lie in one folder become a model."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import TypeAdapter

from lass.cli.reporting import Debug, reported, say, shown


def assemble(  # noqa: PLR0913 (options of a command)
    folder: Annotated[Path, typer.Argument(help="With codec.safetensors, likelihood.safetensors, priors/.")],
    name: Annotated[str | None, typer.Option(help="Of the model.", show_default="the folder's")] = None,
    summary: Annotated[str | None, typer.Option(help="What it separates, in a sentence.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the model.", show_default="of its parts")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Hz of audio.", show_default="the codec's")] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Of a window of audio: at most the context of its priors.")
    ] = None,
    priors: Annotated[
        str | None,
        typer.Option(help="Classes whose prior has another name, such as cat=animals,dog=animals."),
    ] = None,
    presets: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON: by preset a decoder and an estimation, as in model.json."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite model.json and README.md.")] = False,
    debug: Debug = False,
) -> None:
    """Make a model of the parts in a folder, such as `lass import` leaves: write model.json and its card.

    Classes, weights and licences are those that the parts tell. Without --presets the presets `best` and
    `paper` are the paper's procedure, and `fast` is greedy.
    """
    with reported(debug):
        from lass.bundle.assembling import Told, assemble_model  # noqa: PLC0415 (needs torch)

        for written in ("model.json", "README.md"):
            if (folder / written).exists() and not force:
                raise ValueError(f"{folder / written} is there already: give --force to overwrite it")
        told = Told(
            name, summary, licence, rate, tokens, pairs_of(priors), presets_in(presets) if presets else {}
        )
        described = assemble_model(folder, told)
    say(f"licence: {described.about.licence}")
    typer.echo(f"{shown(folder)}: {len(described.files)} parts of codebook {described.codebook}")


def pairs_of(text: str | None) -> dict[str, str]:
    """`a=b,c=d` as {a: b, c: d}; ValueError for others."""
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    for name, equals, value in pairs:
        if not (name.strip() and equals and value.strip()):
            raise ValueError(f"--priors {text}: give pairs such as cat=animals,dog=animals")
    return {name.strip(): value.strip() for name, _, value in pairs}


def presets_in(path: Path) -> dict[Any, Any]:
    """Presets from a file; FileNotFoundError or ValueError, naming it, where it holds none."""
    from lass.bundle.settings import Preset, PresetName  # noqa: PLC0415

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        presets = TypeAdapter(dict[PresetName, Preset]).validate_python(values)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(
            f"{path}: no presets ({error}): give best: {{decoder: ..., estimation: ...}}"
        ) from error
    if not presets:
        raise ValueError(f"{path}: no presets: give one at least, or leave --presets away")
    return presets
