"""The configuration: one frozen model per section.

Values live in `config/config.yaml`, meanings in `config/README.md`. No model has a default, so that a value
stands in one place only. Unknown keys are refused with the nearest known one.
Imports neither torch nor numpy: the workflow validates its configuration at every start.
"""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
LONGEST_WINDOW = 2048  # of the VQ-VAE's spectral loss, in samples


def without_nulls(entries: Any) -> Any:
    """Leave out entries that are null, so that overrides can take away what the default names."""
    return {k: v for k, v in entries.items() if v is not None} if isinstance(entries, Mapping) else entries


class Section(BaseModel):
    """A section of the configuration: immutable, complete, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Counts(Section):
    """A number per split."""

    train: PositiveInt
    validation: PositiveInt
    test: PositiveInt


class Mini(Section):
    """The synthetic songs of `slakh.source: mini`."""

    songs: Counts
    seconds: PositiveFloat


class Slakh(Section):
    """Where the music comes from."""

    source: Literal["mini", "folder"]
    root: str | None
    classes: Annotated[list[Identifier], Field(min_length=2)]
    sample_rate: PositiveInt
    mini: Mini

    @model_validator(mode="after")
    def check(self) -> Self:
        """A folder needs its root; classes are distinct."""
        if self.source == "folder" and not self.root:
            raise ValueError("slakh.source is 'folder', so slakh.root must name a folder in Slakh's layout")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"slakh.classes {self.classes} names a class twice")
        return self


class MixtureCounts(Section):
    """Mixtures per split; null takes every chunk without silence."""

    validation: PositiveInt | None
    test: PositiveInt | None


class Mixtures(Section):
    """What is separated."""

    seconds: PositiveFloat
    weights: list[PositiveFloat] | None
    silence: Annotated[float, Field(ge=0)]
    count: MixtureCounts


class Training(Section):
    """One run of the training loop."""

    steps: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat
    warmup: PositiveInt
    weight_decay: Annotated[float, Field(ge=0)]
    clip: PositiveFloat
    validate_every: PositiveInt
    save_every: PositiveInt
    bfloat16: bool


class VqvaeConfig(Section):
    """The codec: network, losses, training."""

    checkpoint: str | None
    codes: Annotated[int, Field(ge=2, le=65536)]
    code_channels: PositiveInt
    strides: Annotated[list[Annotated[int, Field(ge=2, multiple_of=2)]], Field(min_length=1)]
    channels: list[PositiveInt]
    encoder_blocks: Annotated[int, Field(ge=0)]
    decoder_blocks: Annotated[int, Field(ge=0)]
    encoder_dilation: PositiveInt
    decoder_dilation: PositiveInt
    commitment: Annotated[float, Field(ge=0)]
    spectral: Annotated[float, Field(ge=0)]
    crop: PositiveInt
    training: Training

    @model_validator(mode="after")
    def check(self) -> Self:
        """One width per stride; crops that the encoder and the spectral loss can take."""
        if len(self.strides) != len(self.channels):
            raise ValueError(f"vqvae.channels {self.channels} needs one width per stride of {self.strides}")
        if self.crop % self.hop or self.crop < LONGEST_WINDOW:
            raise ValueError(
                f"vqvae.crop {self.crop} must be a multiple of {self.hop}, the product of vqvae.strides, "
                f"and at least {LONGEST_WINDOW}"
            )
        return self

    @property
    def hop(self) -> int:
        """Samples per token."""
        hop = 1
        for stride in self.strides:
            hop *= stride
        return hop


class PriorConfig(Section):
    """One prior: which classes it models, its network and its training."""

    checkpoint: str | None
    classes: Annotated[list[Identifier], Field(min_length=1)]
    conditional: bool
    layers: PositiveInt
    width: PositiveInt
    heads: PositiveInt
    kv_heads: PositiveInt
    dropout: Share
    training: Training

    @model_validator(mode="after")
    def check(self) -> Self:
        """Widths that can be divided among the heads."""
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError(
                f"width {self.width} must be a multiple of 2 * heads = {2 * self.heads}, and heads "
                f"{self.heads} a multiple of kv_heads {self.kv_heads}"
            )
        return self


class LikelihoodConfig(Section):
    """How many tuples are counted, and how they are drawn."""

    tuples: PositiveInt
    tokens: PositiveInt
    mixtures_per_group: PositiveInt


class Decoding(Section):
    """The row `lass` of the tables."""

    priors: Annotated[dict[Identifier, Identifier], BeforeValidator(without_nulls)]
    method: Literal["greedy", "beam", "ancestral", "top_k"]
    hypotheses: PositiveInt
    likelihood_weight: Annotated[float, Field(ge=0)]
    temperature: PositiveFloat
    top_k: PositiveInt | None
    selection: Literal["remix", "posterior"]
    batch: PositiveInt

    @model_validator(mode="after")
    def check(self) -> Self:
        """Settings that the method can use."""
        if (self.method == "top_k") != (self.top_k is not None):
            raise ValueError(
                "separation.top_k is needed by the method top_k and must be null for every other method"
            )
        if self.method == "greedy" and self.hypotheses != 1:
            raise ValueError(
                f"separation.hypotheses is {self.hypotheses}, but the method greedy follows exactly 1"
            )
        return self


class Evaluation(Section):
    """Metrics and what is kept to listen to."""

    window: PositiveFloat
    examples: PositiveInt


class Config(Section):
    """The whole configuration."""

    seed: Annotated[int, Field(ge=0)]
    pretrained: bool
    device: Literal["auto", "cpu", "cuda"]
    slakh: Slakh
    mixtures: Mixtures
    vqvae: VqvaeConfig
    likelihood: LikelihoodConfig
    priors: Annotated[dict[Identifier, PriorConfig], BeforeValidator(without_nulls)]
    separation: Decoding
    evaluation: Evaluation

    @model_validator(mode="after")
    def check(self) -> Self:
        """Sections must fit together."""
        classes = self.slakh.classes
        if self.mixtures.weights is not None and len(self.mixtures.weights) != len(classes):
            raise ValueError(
                f"mixtures.weights {self.mixtures.weights} needs one number per class of {classes}"
            )
        if self.vqvae.codes ** (len(classes) + 1) >= 2**63:
            raise ValueError(
                f"vqvae.codes {self.vqvae.codes} is too large for {len(classes)} sources: "
                "codes ** (sources + 1) must be below 2 ** 63"
            )
        if self.tokens_per_mixture < 1:
            raise ValueError(
                f"mixtures.seconds {self.mixtures.seconds} is shorter than one token of the VQ-VAE"
            )
        seconds = self.frames_per_mixture / self.slakh.sample_rate
        if self.evaluation.window > seconds:
            raise ValueError(
                f"evaluation.window {self.evaluation.window} is longer than a mixture of {seconds:g} s: "
                "shorten it or lengthen mixtures.seconds"
            )
        return self

    @model_validator(mode="after")
    def check_priors(self) -> Self:
        """Every source has a prior that models it; a prior that is trained here finds all of its classes."""
        classes = self.slakh.classes
        if len(set(self.weights)) != 1:
            raise ValueError(
                f"mixtures.weights {self.mixtures.weights} must be equal: the likelihood counts every order "
                "of the sources' codes, which is right only where the addends can change places"
            )
        if sorted(self.separation.priors) != sorted(classes):
            raise ValueError(f"separation.priors must name a prior for each class of {classes} and no other")
        for name, chosen in self.separation.priors.items():
            if chosen not in self.priors:
                raise ValueError(
                    f"separation.priors.{name} is {chosen!r}, but priors has only {sorted(self.priors)}"
                )
            prior = self.priors[chosen]
            if name not in prior.classes:
                raise ValueError(f"separation.priors.{name} is {chosen!r}, which models {prior.classes}")
            given = self.pretrained and prior.checkpoint
            if not given and not set(prior.classes) <= set(classes):
                raise ValueError(
                    f"priors.{chosen}.classes {prior.classes} must be among slakh.classes {classes}, "
                    "where its training finds them"
                )
        return self

    @property
    def tokens_per_mixture(self) -> int:
        """S: tokens of one mixture."""
        return round(self.mixtures.seconds * self.slakh.sample_rate / self.vqvae.hop)

    @property
    def frames_per_mixture(self) -> int:
        """T: samples of one mixture, a multiple of the hop."""
        return self.tokens_per_mixture * self.vqvae.hop

    @property
    def weights(self) -> list[float]:
        """Alpha: as configured, else 1 / N each."""
        sources = len(self.slakh.classes)
        return self.mixtures.weights or [1 / sources] * sources


def parse_config(values: Mapping[str, Any]) -> Config:
    """Validate a configuration; ValueError lists every problem with its key, the value and a remedy."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"  {describe(problem)}" for problem in error.errors())
        raise ValueError(f"the configuration is not valid (see config/README.md):\n{problems}") from None


def describe(problem: Any) -> str:
    """One line for one of pydantic's errors; an unknown key comes with the nearest known one."""
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        *parents, key = problem["loc"]
        known = known_keys(parents)
        close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{path}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: missing; config/config.yaml has its default"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if isinstance(problem["input"], Mapping) else f" (got {problem['input']!r})"
    return f"{path or 'configuration'}: {message}{given}"


def known_keys(path: list[str | int]) -> list[str]:
    """Keys of the section at `path`."""
    schema = json_schema()
    node: dict[str, Any] = schema
    for part in path:
        # sections whose names the user chooses
        named: dict[str, Any] = next(iter(node.get("patternProperties", {}).values()), {})
        child = node.get("properties", {}).get(part, named)
        while "$ref" in child:
            child = schema["$defs"][child["$ref"].rsplit("/", 1)[1]]
        node = child
    return sorted(node.get("properties", {}))


def json_schema() -> dict[str, Any]:
    """The configuration's JSON schema (draft 2020-12), as kept in `workflow/schemas/config.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def write_schema(path: Path) -> None:
    """Write the schema; `python -m lass.config FILE` does so."""
    path.write_text(json.dumps(json_schema(), indent=2) + "\n")


if __name__ == "__main__":
    import sys

    write_schema(Path(sys.argv[1]))
