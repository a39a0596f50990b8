"""What `model.json` says of a model; without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lass.likelihood.settings import TupleOrigin
from lass.methods.diffusion_settings import DiffusionMethod
from lass.methods.settings import DecodingJob, DiffusionJob, LatentJob
from lass.models.diffusion_settings import DenoiserCheck
from lass.models.settings import CodecCheck, PriorOfClass
from lass.separation.settings import DecoderSettings, Estimation, Measured, check_hop, check_offsets
from lass.settings import Identifier, Natural, PositiveInt, Precision, Section

FORM = "lass.model"
DESCRIPTION = "model.json"
"""The file of a model's folder that says what it is."""
VERSION = 4  # 3: always with priors and counts; 2: no diffusion; 1: no learned likelihood
READABLE = (2, 3, 4)
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


def denoiser_file(name: str) -> str:
    """Path of a denoiser in a model's folder."""
    return f"denoisers/{name}.safetensors"


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
    """A way to separate by codes: how they are found, and how estimates are made of the candidates."""

    decoder: DecoderSettings
    estimation: Estimation
    result: Result | None = None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Offsets only where a mean is taken."""
        check_offsets(self.decoder, self.estimation, where="estimation")
        return self

    @property
    def measured(self) -> set[Measured]:
        """What it asks for beside codec, priors and table."""
        return self.decoder.measured | self.estimation.measured


class DiffusionPreset(Section):
    """A way to separate by diffusion priors."""

    diffusion: DiffusionMethod
    result: Result | None = None

    @property
    def measured(self) -> set[Measured]:
        """Nothing."""
        return set()


class Denoisers(Section):
    """The diffusion priors of a model."""

    rate: PositiveInt | None  # Hz; None for images
    priors: list[PriorOfClass]  # one per class


@dataclass(frozen=True)
class Coded:
    """What presets by codes need of a model."""

    codec: CodecCheck
    priors: list[PriorOfClass]  # one per class; none where no preset asks for them
    counted_from: TupleOrigin  # sources and weights, also where no preset asks for the table
    positions: int  # S, tokens of a window


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
    codec: CodecCheck | None = None  # of presets by codes, as counted_from and positions
    image: tuple[PositiveInt, PositiveInt, PositiveInt] | None  # colours, rows and columns
    priors: list[PriorOfClass] = Field(default_factory=list)  # one per class, where a preset asks for them
    counted_from: TupleOrigin | None = None
    positions: PositiveInt | None = None  # S, tokens of a window
    denoisers: Denoisers | None = None  # of presets by diffusion
    length: PositiveInt  # T, samples of a window or numbers of an image
    noise: float | None = None  # of the likelihood of frames
    bounds: tuple[float, float] | None  # of every number of a source
    strength: float | None = None  # of the residual's variances
    presets: dict[PresetName, Preset | DiffusionPreset]

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

    @model_validator(mode="after")
    def check_parts(self) -> Self:
        """What every preset needs, of one rate; codec and what belongs to it together or not at all."""
        of_codes = (self.codec, self.counted_from, self.positions)
        if any(part is None for part in of_codes) and any(part is not None for part in of_codes):
            raise ValueError("codec, counted_from and positions: give all of them, or none")
        if self.priors and self.codec is None:
            raise ValueError("priors are given, but the model has no codec")
        for name, preset in self.presets.items():
            if isinstance(preset, Preset) and self.codec is None:
                raise ValueError(f"presets.{name} is by codes, but the model has no codec")
            if isinstance(preset, Preset) and self.codec is not None:
                check_hop(preset.decoder, self.codec.hop, where=f"presets.{name}.decoder")
                if preset.decoder.uses_priors and not self.priors:
                    raise ValueError(f"presets.{name} asks for priors, but the model has none")
            if isinstance(preset, DiffusionPreset) and self.denoisers is None:
                raise ValueError(f"presets.{name} is by diffusion, but the model has no denoisers")
        known = {part.rate for part in (self.codec, self.denoisers) if part is not None}
        if len(known) > 1:
            raise ValueError(f"codec and denoisers are of {known} Hz: give those of one rate")
        named = {each.source for each in self.denoisers.priors} if self.denoisers else {*self.classes}
        if named != {*self.classes}:
            raise ValueError(f"denoisers.priors are of {sorted(named)}, not of classes {self.classes}")
        return self

    @property
    def coded(self) -> Coded | None:
        """What presets by codes need; None for a model without."""
        if self.codec is None or self.counted_from is None or self.positions is None:
            return None
        return Coded(self.codec, self.priors, self.counted_from, self.positions)

    @property
    def uses_counts(self) -> bool:
        """Whether a preset asks for the table of counts."""
        return any(isinstance(each, Preset) and each.decoder.uses_counts for each in self.presets.values())

    @property
    def denoiser_names(self) -> list[str]:
        """Of its denoisers, each once."""
        return list(dict.fromkeys(each.prior for each in self.denoisers.priors)) if self.denoisers else []

    @property
    def rate(self) -> int | None:
        """Hz at which it works; None for images."""
        part = self.codec or self.denoisers
        return part.rate if part else None

    @property
    def measured(self) -> list[Measured]:
        """What the presets ask for beside codec, priors and table, in order."""
        asked: set[Measured] = set()
        for each in self.presets.values():
            asked |= each.measured
        return sorted(asked)

    def decoding_job(self, preset: Preset, *, precision: Precision, batch: int, seed: int) -> DecodingJob:
        """What draws the candidates of a preset."""
        coded = self.coded
        assert coded is not None, "as check_parts demands"
        return DecodingJob(
            decoder=preset.decoder,
            codec=coded.codec,
            precision=precision,
            priors=coded.priors if preset.decoder.uses_priors else [],
            counted_from=coded.counted_from,
            positions=coded.positions,
            noise=self.noise,
            batch=batch,
            seed=seed,
        )

    def latent_job(self, preset: Preset, *, precision: Precision) -> LatentJob:
        """What makes estimates of them."""
        coded = self.coded
        assert coded is not None, "as check_parts demands"
        return LatentJob(
            codec=coded.codec,
            precision=precision,
            classes=self.classes,
            labels=self.labels,
            weights=self.weights,
            bounds=self.bounds,
            estimation=preset.estimation,
            strength=self.strength if preset.estimation.consistency == "residual" else None,
        )

    def diffusion_job(self, preset: DiffusionPreset, *, seed: int) -> DiffusionJob:
        """What separates by diffusion priors."""
        assert self.denoisers is not None, "as check_parts demands"
        return DiffusionJob(
            priors=self.denoisers.priors,
            data=DenoiserCheck(rate=self.denoisers.rate, image=self.image),
            method=preset.diffusion,
            bounds=self.bounds,
            seed=seed,
        )


class Description(Unpacked):
    """What `model.json` says."""

    form: Literal["lass.model"] = "lass.model"
    version: Literal[2, 3, 4] = 4
    codebook: str | None  # identity of the codebook that all parts are of; None without a codec
    level: Level | None  # of audio
    files: dict[str, Part]  # path in the folder -> what it must be
    made: Mapping[str, Any]  # version of lass, seed, configuration

    @model_validator(mode="after")
    def check_files(self) -> Self:
        """A file for all that the presets ask for."""
        needed = [CODEC] if self.coded else []
        needed += [LIKELIHOOD] if self.uses_counts else []
        needed += [self.prior_file(each.source) for each in self.priors]
        needed += [MEASURED[name] for name in self.measured]
        needed += [denoiser_file(name) for name in self.denoiser_names]
        missing = [name for name in needed if name not in self.files]
        if missing:
            raise ValueError(f"files: {missing[0]} is missing, which the presets ask for")
        return self

    def prior_file(self, source_class: str) -> str:
        """Path of the checkpoint of the prior of a class, in the folder."""
        prior = next(each.prior for each in self.priors if each.source == source_class)
        return f"priors/{prior}.safetensors"
