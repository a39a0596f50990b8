"""A model of parts that lie in a folder already, such as imported ones: model.json, by their headers.

What no header tells has defaults: the paper's procedure as the preset, windows of 1,024 tokens.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lass import __version__
from lass.bundle.folder import CARD, card, check_parts, part_of
from lass.bundle.recordings import OVERLAP
from lass.bundle.settings import (
    CODEC,
    DESCRIPTION,
    LIKELIHOOD,
    MEASURED,
    About,
    Description,
    Preset,
    PresetName,
    Unpacked,
)
from lass.likelihood.settings import TupleOrigin
from lass.likelihood.tensor import FORM, VERSION, read_counted
from lass.models.codec import read_codec
from lass.models.headers import describe_checkpoint, kind_of
from lass.models.network import CodecNetwork
from lass.models.settings import CodecCheck, PriorOfClass
from lass.separation.settings import Beam, Estimation, Greedy, Refinement, TopK
from lass.settings import Identifier, distinct_names
from lass.storage import damaged, interpreting, read_header
from lass.writing import written_aside

WINDOW = 1024  # tokens of audio that are separated at once, as in the paper: 2.97 s of Jukebox's
NOISE, STRENGTH = (
    0.05,
    20.0,
)  # what presets by frames and by the residual are told: the configuration's defaults


@dataclass(frozen=True)
class Told:
    """What a model says of itself, and what its parts do not tell; None for the default."""

    name: str | None = None  # the folder's
    summary: str | None = None
    licence: str | None = None  # those of the parts
    rate: int | None = None  # Hz of audio; the codec's own, of which it may be a fraction
    tokens: int | None = None  # of a window of audio
    priors: Mapping[str, str] = field(default_factory=dict)  # class -> prior; its namesake, or the only one
    presets: Mapping[PresetName, Preset] = field(default_factory=dict)


def assemble_model(folder: Path, told: Told) -> Description:
    """Write model.json and README.md for the parts in `folder`, once all of them are checked.

    FileNotFoundError or ValueError, naming the file, where a part is missing, damaged or of another codebook;
    model.json is as it was before, then.
    """
    unpacked = describe_parts(folder, told)
    names = [CODEC, LIKELIHOOD, *(MEASURED[name] for name in unpacked.measured)]
    names += [f"priors/{name}.safetensors" for name in dict.fromkeys(each.prior for each in unpacked.priors)]
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: no such file, which a model of parts has")
    description = Description(
        **dict(unpacked),
        codebook=read_codec(folder / CODEC).quantizer.identity,
        level=None,  # of what the parts were made is not known here
        files={name: part_of(folder / name) for name in sorted(names)},
        made={"lass": __version__, "parts": {name: origin_of(folder, name) for name in sorted(names)}},
    )
    check_parts(folder, description)
    # What makes a model of the folder comes last.
    texts = {CARD: card(description), DESCRIPTION: description.model_dump_json(indent=2) + "\n"}
    for name, text in texts.items():
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return description


def describe_parts(folder: Path, told: Told) -> Unpacked:
    """What the headers of the parts in `folder` tell of a model, and `told` for the rest."""
    counted = counted_in(folder)
    codec, rate = codec_in(folder, told.rate)
    classes = list(dict.fromkeys(counted.sources))
    for name, prior in told.priors.items():
        if name not in classes:
            raise ValueError(f"--priors {name}={prior}: the table counts {', '.join(classes)}")
    priors = [prior_of_class(folder, name, classes, told.priors) for name in classes]
    number, image = len(counted.weights), codec.shape.image
    if image is None and len(counted.sources) != number:
        raise ValueError(
            f"{folder / LIKELIHOOD}: counted with weights {list(counted.weights)} of sources "
            f"{list(counted.sources)}: give a table with the class of every source"
        )
    of_class = list(counted.sources) if image is None else classes[:1] * number
    named = counted.sources if image is None else ["source"] * number
    if image is None:
        positions = told.tokens or min(WINDOW, *(context_of(folder, each) for each in priors))
        length = positions * codec.shape.hop
        check_window(length, positions, rate or 1)
    else:
        positions, length = image[1] * image[2] // codec.shape.hop**2, image[0] * image[1] * image[2]
    return Unpacked(
        about=about(folder, told, classes=classes, priors=priors),
        kind="audio" if image is None else "images",
        classes=classes,
        sources=distinct_names(named),
        of_class=of_class,
        labels={each.source: each.label for each in priors},
        weights=list(counted.weights),
        codec=CodecCheck(hop=codec.shape.hop, rate=rate),
        image=image,
        priors=priors,
        counted_from=counted,
        positions=positions,
        length=length,
        noise=None if image is None else NOISE,
        bounds=None if image is None else (0.0, 1.0),
        strength=STRENGTH if image is None else None,
        presets={**(told.presets or published_presets(images=image is not None))},
    )


def check_window(length: int, tokens: int, rate: int) -> None:
    """ValueError where windows of audio are shorter than what neighbours share, at both ends."""
    least = 2 * round(OVERLAP * rate)
    if length < least:
        raise ValueError(
            f"{tokens} tokens are {length} samples at {rate} Hz, but a window has {least} at least: give "
            "more --tokens, or a prior with a longer context"
        )


def published_presets(*, images: bool) -> dict[PresetName, Preset]:
    """The paper's procedure, and greedy decoding.

    Of music 10 beams at lambda 3. Of images k is not known: 64, of 64 draws the nearest one refined.
    """
    if images:
        drawn = TopK(kind="top_k", top_k=64, hypotheses=64, likelihood_weight=1.0, kept=8)
        refined = Estimation(choice="remix", refined=1, refinement=Refinement())
        paper, weight = Preset(decoder=drawn, estimation=refined), 1.0
    else:
        beam = Beam(kind="beam", hypotheses=10, likelihood_weight=3.0, kept=1)
        paper, weight = Preset(decoder=beam, estimation=Estimation()), 3.0
    greedy = Greedy(kind="greedy", likelihood_weight=weight)
    return {"best": paper, "paper": paper, "fast": Preset(decoder=greedy, estimation=Estimation())}


def counted_in(folder: Path) -> TupleOrigin:
    """What the table in `folder` was counted from."""
    path = folder / LIKELIHOOD
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; import a table of counts, or let the workflow count one with this codec "
            "as codec.checkpoint: `lass pack` makes a model of that run"
        )
    return TupleOrigin.model_validate(read_counted(path).model_dump(exclude={"codebook"}))


def codec_in(folder: Path, rate: int | None) -> tuple[CodecNetwork, int | None]:
    """The codec in `folder` and the rate that it works at: `rate`, or its own; None of images."""
    path = folder / CODEC
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; import the codec first")
    own = describe_checkpoint(path, kind_of(path))["provenance"].get("sample_rate")
    if not isinstance(own, int | None):
        raise damaged(path, f"its rate is {own!r}")
    codec = read_codec(path, rate=rate)
    if codec.shape.image is not None:
        return codec, None
    if rate is None and own is None:
        raise ValueError(f"{path}: does not say at how many Hz it works: give --rate")
    return codec, rate or own


def prior_of_class(
    folder: Path, source: str, classes: list[Identifier], chosen: Mapping[str, str]
) -> PriorOfClass:
    """The prior in `folder` of the class `source`: the `chosen` one, that of its name, or the only one."""
    at_hand = sorted(path.stem for path in (folder / "priors").glob("*.safetensors"))
    name = chosen.get(source) or (source if source in at_hand else None)
    name = name or (at_hand[0] if len(at_hand) == 1 else None)
    if name not in at_hand:
        raise FileNotFoundError(
            f"{folder}/priors has {', '.join(at_hand) or 'no prior'}, but the table counts {source}: import "
            f"its prior, or name another one by --priors {source}=NAME"
        )
    path = folder / "priors" / f"{name}.safetensors"
    header = describe_checkpoint(path, kind_of(path))
    with interpreting(path):
        conditional = int(header["shape"].get("classes", 1)) > 1
        known = header["provenance"].get("classes") or ([source] if name == source else classes)
        prior = PriorOfClass(source=source, prior=name, classes=known, conditional=conditional)
    if source not in known:
        raise ValueError(
            f"{path}: trained on {', '.join(known)}, but the table counts {source}: import its prior, or "
            f"name another one by --priors {source}=NAME"
        )
    return prior


def context_of(folder: Path, prior: PriorOfClass) -> int:
    """Tokens that a prior knows places of."""
    path = folder / "priors" / f"{prior.prior}.safetensors"
    with interpreting(path):
        return int(describe_checkpoint(path, kind_of(path))["shape"]["context"])


def about(folder: Path, told: Told, *, classes: list[str], priors: list[PriorOfClass]) -> About:
    """What the model says of itself; the licences of all parts where none is told."""
    names = [CODEC, LIKELIHOOD, *(f"priors/{each.prior}.safetensors" for each in priors)]
    licences = [origin_of(folder, name).get("licence") for name in names]
    stated = "; ".join(dict.fromkeys(each for each in licences if each))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).lstrip("._-")
    summary = (
        f"Made of the parts in its folder, whose codec is {kind_of(folder / CODEC)}: {', '.join(classes)}."
    )
    return About(
        name=told.name or name or "model",
        summary=told.summary or summary,
        licence=told.licence or stated or "not stated",
    )


def origin_of(folder: Path, part: str) -> dict[str, Any]:
    """The file that a part was made of, its SHA-256 and its licence, where the part tells them."""
    path = folder / part
    if part in MEASURED.values():
        return {}
    if part == LIKELIHOOD:
        provenance = read_header(path, form=FORM, version=VERSION).get("provenance") or {}
    else:
        provenance = describe_checkpoint(path, kind_of(path))["provenance"]
    with interpreting(path):
        told = {name: provenance[name] for name in ("file", "sha256", "licence") if name in provenance}
    if not isinstance(told.get("licence", ""), str):
        raise damaged(path, f"its licence is {told['licence']!r}")
    return told
