"""What `model.json` says of a model; without torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lass.likelihood.settings import TupleOrigin
from lass.methods.settings import DecodingJob, LatentJob
from lass.models.settings import CodecCheck, PriorOfClass
from lass.separation.settings import DecoderSettings, Estimation, Measured
from lass.settings import Identifier, Natural, PositiveInt, Precision, Section

FORM = "lass.model"
DESCRIPTION = "model.json"
"""The file of a model's folder that says what it is."""
VERSION = 2  # 1: no learned likelihood
CODEC, LIKELIHOOD = "codec.safetensors", "likelihood.safetensors"
MEASURED: dict[Measured, str] = {
    "frames": "frames.safetensors",
    "network": "network.safetensors",
    "residual": "residual.safetensors",
}
"""What presets may ask for beside these -> its file."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
PresetName = Literal["best", "paper", "fast"]


class Part(Section):
    """A file of the model."""

    sha256: Digest
    bytes: Natural


class Result(Section):
    """What a preset reached on mixtures that no part of the model has seen."""

    row: str  # of the table
    metric: str
    mean: float  # dB, over the mixtures
    mixtures: PositiveInt


class Preset(Section):
    """A way to separate: how codes are found, and how estimates are made of the candidates."""

    decoder: DecoderSettings
    estimation: Estimation
    result: Result | None = None

    @property
    def measured(self) -> set[Measured]:
        """What it asks for beside codec, priors and table."""
        return self.decoder.measured | self.estimation.measured


class Level(Section):
    """How loud the mixtures are that the model knows: root mean squares of whole mixtures."""

    quietest: float  # dB of full scale; a twentieth of the mixtures is quieter
    loudest: float  # a twentieth is louder

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """The quietest first."""
        if self.quietest > self.loudest:
            raise ValueError(f"level: quietest {self.quietest} is above loudest {self.loudest}")
        return self


class About(Section):
    """What a model says of itself to a reader."""

    name: Name
    summary: str
    licence: str


class Unpacked(Section):
    """All that a model needs to separate, but for its files."""

    about: About
    kind: Literal["audio", "images"]
    classes: list[Identifier]  # that the parts know, in their order
    sources: list[Identifier]  # what separation gives, in order: N names, all different
    of_class: list[Identifier]  # the class of every source, N
    labels: dict[Identifier, str]  # class -> label: sources of equal labels may change places
    weights: list[float]  # alpha, N
    codec: CodecCheck
    image: tuple[PositiveInt, PositiveInt, PositiveInt] | None  # colours, rows and columns
    priors: list[PriorOfClass]  # one per class
    counted_from: TupleOrigin
    positions: PositiveInt  # S, tokens of a window
    length: PositiveInt  # T, samples of a window or numbers of an image
    noise: float | None  # of the likelihood of frames
    bounds: tuple[float, float] | None  # of every number of a source
    strength: float | None  # of the residual's variances
    presets: dict[PresetName, Preset]

    @model_validator(mode="after")
    def check_sources(self) -> Self:
        """Sources that can be told apart, of classes that the model has."""
        if len(set(self.sources)) != len(self.sources) or len(self.sources) != len(self.weights):
            raise ValueError(f"sources {self.sources} and weights {self.weights}: give one weight per name")
        if len(self.of_class) != len(self.sources) or not set(self.of_class) <= set(self.classes):
            raise ValueError(f"of_class {self.of_class}: give one of {self.classes} per source")
        if "best" not in self.presets:
            raise ValueError(f"presets {sorted(self.presets)}: 'best' must be among them")
        return self

    @property
    def measured(self) -> list[Measured]:
        """What the presets ask for beside codec, priors and table, in order."""
        asked: set[Measured] = set()
        for each in self.presets.values():
            asked |= each.measured
        return sorted(asked)

    def decoding_job(self, preset: Preset, *, precision: Precision, batch: int, seed: int) -> DecodingJob:
        """What draws the candidates of a preset."""
        return DecodingJob(
            decoder=preset.decoder,
            codec=self.codec,
            precision=precision,
            priors=self.priors,
            counted_from=self.counted_from,
            positions=self.positions,
            noise=self.noise,
            batch=batch,
            seed=seed,
        )

    def latent_job(self, preset: Preset, *, precision: Precision) -> LatentJob:
        """What makes estimates of them."""
        return LatentJob(
            codec=self.codec,
            precision=precision,
            classes=self.classes,
            labels=self.labels,
            weights=self.weights,
            bounds=self.bounds,
            estimation=preset.estimation,
            strength=self.strength if preset.estimation.consistency == "residual" else None,
        )


class Description(Unpacked):
    """What `model.json` says."""

    form: Literal["lass.model"] = "lass.model"
    version: Literal[2] = 2
    codebook: str  # identity of the codebook that all parts are of
    level: Level | None  # of audio
    files: dict[str, Part]  # path in the folder -> what it must be
    made: Mapping[str, Any]  # version of lass, seed, configuration

    @model_validator(mode="after")
    def check_files(self) -> Self:
        """A file for all that the presets ask for."""
        needed = [CODEC, LIKELIHOOD, *(self.prior_file(each.source) for each in self.priors)]
        needed += [MEASURED[name] for name in self.measured]
        missing = [name for name in needed if name not in self.files]
        if missing:
            raise ValueError(f"files: {missing[0]} is missing, which the presets ask for")
        return self

    def prior_file(self, source_class: str) -> str:
        """Path of the checkpoint of the prior of a class, in the folder."""
        prior = next(each.prior for each in self.priors if each.source == source_class)
        return f"priors/{prior}.safetensors"
