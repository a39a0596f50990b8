"""A model's folder: written whole or not at all, read with a look at every part.

    model.json                what it is (`lass.bundle.settings.Description`)
    README.md                 the same for people
    codec.safetensors
    priors/<name>.safetensors     of every class, where a preset asks for them
    likelihood.safetensors    the table of counts, likewise
    residual.safetensors      what the codec loses, where a preset asks for it
    frames.safetensors        moments of the frames, where a decoder asks for them
    network.safetensors       the learned likelihood, likewise
    denoisers/<name>.safetensors

A model of presets by diffusion alone has denoisers and no other part; one of none has no denoisers.

Nothing in it is ever unpickled.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError

from lass import __version__
from lass.bundle.settings import (
    CODEC,
    DESCRIPTION,
    FORM,
    LIKELIHOOD,
    MEASURED,
    READABLE,
    VERSION,
    Coded,
    Description,
    DiffusionPreset,
    Level,
    Part,
    Unpacked,
    denoiser_file,
)
from lass.likelihood.frames import read_frames
from lass.likelihood.residual import read_residual
from lass.likelihood.tensor import read_likelihood
from lass.methods.diffusion import Diffusion, open_method
from lass.methods.protocol import Given
from lass.models.codec import read_codec
from lass.models.likelihood_network import read_network
from lass.models.parts import open_priors
from lass.models.settings import PriorOfClass
from lass.separation.settings import Measured
from lass.writing import aside_of, explained, left_asides, sweep

CARD = "README.md"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Parts:
    """Where the files lie that a model is packed from."""

    codec: Path | None = None
    likelihood: Path | None = None
    priors: Mapping[str, Path] = field(default_factory=dict)  # name of the prior -> checkpoint
    measured: Mapping[Measured, Path] = field(default_factory=dict)  # what presets ask for beside these
    denoisers: Mapping[str, Path] = field(default_factory=dict)  # by name

    def files(self) -> dict[str, Path]:
        """Path in the folder -> file that is copied there."""
        whole = {CODEC: self.codec, LIKELIHOOD: self.likelihood}
        held = {name: path for name, path in whole.items() if path is not None}
        held |= {f"priors/{name}.safetensors": path for name, path in self.priors.items()}
        held |= {denoiser_file(name): path for name, path in self.denoisers.items()}
        return held | {MEASURED[name]: path for name, path in self.measured.items()}


def pack_model(
    folder: Path, parts: Parts, unpacked: Unpacked, *, level: Level | None, made: Mapping[str, Any]
) -> Description:
    """Make the model's folder at `folder`, which appears once every part in it is checked.

    What was there before goes. `level`: how loud the mixtures are that it knows; `made`: how it was made.
    ValueError, naming the file, where a part is damaged, of another codebook or of other sources.
    """
    aside = aside_of(folder)
    with explained(folder, aside):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        with _replaced(folder) as before:
            try:
                description = _write_parts(aside, parts, unpacked, level=level, made=made)
                if folder.exists():
                    folder.replace(before)
                aside.replace(folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return description


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Yield where the block may put what is at `folder`: it comes back if nothing takes its place.

    So does what an earlier call put away that was killed before it was done.
    """
    own = re.compile(rf"\.{re.escape(folder.stem)}\.[0-9]+-[0-9a-f]+\.before{re.escape(folder.suffix)}")
    left = [path for path in left_asides(folder.parent, "before") if own.fullmatch(path.name)]
    before = left[0] if left and not folder.exists() else aside_of(folder, "before")
    try:
        yield before
    finally:
        if before.exists() and not folder.exists():
            before.replace(folder)
    for path in {before, *left}:
        shutil.rmtree(path, ignore_errors=True)


def _write_parts(
    folder: Path, parts: Parts, unpacked: Unpacked, *, level: Level | None, made: Mapping[str, Any]
) -> Description:
    """Copy the parts to `folder`, describe them there, and check them."""
    files = {}
    for name, source in sorted(parts.files().items()):
        if not source.is_file():
            raise FileNotFoundError(f"{source}: no such file; run the rule that makes it first")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        files[name] = part_of(target)
    codebook = read_codec(parts.codec).quantizer.identity if parts.codec else None
    description = Description(
        **dict(unpacked),
        codebook=codebook,
        level=level,
        files=files,
        made={"lass": __version__, **without_places(made)},
    )
    (folder / DESCRIPTION).write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(description), encoding="utf-8")
    return check_model(folder)


def without_places(made: Mapping[str, Any]) -> dict[str, Any]:
    """The same without folders of the machine that it was made on: a model is given to others."""
    kept = {}
    for key, value in made.items():
        if isinstance(value, str) and value.startswith(("/", "~", "$")):
            continue
        kept[key] = without_places(value) if isinstance(value, Mapping) else value
    return kept


def part_of(path: Path) -> Part:
    """Size and SHA-256 of the file at `path`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Part(sha256=digest.hexdigest(), bytes=path.stat().st_size)


def card(description: Description) -> str:
    """The model's README.md."""
    environment = Environment(
        loader=PackageLoader("lass.bundle"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md").render(model=description, size=size_of(description))


def size_of(description: Description) -> float:
    """Of all parts, in MB."""
    return sum(part.bytes for part in description.files.values()) / 1e6


def read_description(folder: Path) -> Description:
    """What `folder` says that it holds; no other file than model.json is looked at.

    FileNotFoundError or ValueError, naming the file, where it is no model, or one of another version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is no model: it has no {DESCRIPTION}; give a folder by `lass pack`"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON ({error}): copy the model again") from error
    said = (values.get("form"), values.get("version")) if isinstance(values, dict) else (None, None)
    if said[0] != FORM:
        raise ValueError(f"{path} describes no model of lass (form {said[0]!r}): give another folder")
    if said[1] not in READABLE:
        raise ValueError(
            f"{path} is of version {said[1]!r}, and this lass {__version__} reads version {VERSION}: "
            "install the lass that made it"
        )
    try:
        return Description.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: {place}: {first['msg']}: copy the model again") from error


def priors_in(folder: Path, description: Description) -> list[tuple[Path, PriorOfClass]]:
    """The checkpoint of the prior of every class, and what it is."""
    return [(folder / description.prior_file(each.source), each) for each in description.priors]


def open_diffusion(folder: Path, description: Description, device: torch.device = CPU) -> Diffusion | None:
    """The method of the first preset by diffusion, with the denoisers in `folder`; None where there is none.

    ValueError, naming the file, where a denoiser is damaged, of other classes or of other data.
    """
    presets = [one for one in description.presets.values() if isinstance(one, DiffusionPreset)]
    if not presets:
        return None
    job = description.diffusion_job(presets[0], seed=0)
    paths = {name: folder / denoiser_file(name) for name in description.denoiser_names}
    return open_method(job, Given(device, denoisers=paths))


def check_sizes(folder: Path, description: Description) -> None:
    """Refuse a folder that lacks a part, or has one of another size: what a broken copy leaves."""
    for name, part in description.files.items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{folder} lacks {name}: copy the model again")
        if path.stat().st_size != part.bytes:
            raise ValueError(
                f"{path} has {path.stat().st_size} bytes instead of {part.bytes}: copy the model again"
            )


def check_model(folder: Path) -> Description:
    """Look at every byte of the model in `folder`: all parts whole, and of one codebook.

    FileNotFoundError or ValueError, naming the file, for the first that is not.
    """
    description = read_description(folder)
    check_parts(folder, description)
    return description


def check_parts(folder: Path, description: Description) -> None:
    """Look at every part that `description` names, of a folder that may have no model.json yet."""
    check_sizes(folder, description)
    for name, part in description.files.items():
        if part_of(folder / name).sha256 != part.sha256:
            raise ValueError(f"{folder / name} is not the file that was packed: copy the model again")
    if description.coded is not None:
        check_coded(folder, description, description.coded)
    open_diffusion(folder, description)


def check_coded(folder: Path, description: Description, coded: Coded) -> None:
    """Read what presets by codes ask for; errors as of `check_model`."""
    codec = read_codec(folder / CODEC, rate=coded.codec.rate, hop=coded.codec.hop)
    codebook = codec.quantizer.identity
    if codebook != description.codebook:
        raise ValueError(
            f"{folder / CODEC} has codebook {codebook}, but {DESCRIPTION} says {description.codebook}: "
            "put the parts of one model together"
        )
    size = len(codec.quantizer.codebook)
    open_priors(priors_in(folder, description), codebook=codebook, length=coded.positions)
    counted = coded.counted_from.encoded(codebook)
    if LIKELIHOOD in description.files:
        number = len(description.sources)
        read_likelihood(folder / LIKELIHOOD, codebook_size=size, sources=number, counted=counted)
    readers: dict[Measured, Callable[[Path], object]] = {
        "residual": partial(read_residual, classes=description.classes, codebook=codebook),
        "frames": partial(read_frames, codebook=codebook),
        "network": partial(read_network, sources=counted.sources, weights=counted.weights, codebook=codebook),
    }
    for name in description.measured:
        readers[name](folder / MEASURED[name])
