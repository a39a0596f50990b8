"""The configuration: one frozen model per section, in modules for music, for images and for what both have.

Values live in `config/config.yaml`, meanings in `config/README.md`. No model has a default, so that a value
stands in one place only. Unknown keys are refused with the nearest known one.
Imports neither torch nor numpy: the workflow validates its configuration at every start.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from lass.config.images import REFERENCES, ImageSet
from lass.config.music import (
    BLIND,
    LOWEST_BLIND,
    MUSIC_REFERENCES,
    SHORTEST_BLIND,
    SUPERVISED,
    AudioCodec,
    LikelihoodConfig,
    Mixtures,
    MusicSeparation,
    Residual,
    Slakh,
    Supervised,
)
from lass.config.sections import (
    Identifier,
    PositiveFloat,
    PositiveInt,
    Priors,
    Section,
    check_mixing,
    check_priors,
    without_nulls,
)

__all__ = [
    "BLIND",
    "MUSIC_REFERENCES",
    "REFERENCES",
    "SUPERVISED",
    "Config",
    "json_schema",
    "parse_config",
    "resolved",
    "write_schema",
]

TAKEN = {"slakh", "mnist", "examples", "logs", "benchmarks"}
"""Folders of `results/` that no image set can be named after."""


class Evaluation(Section):
    """Metrics, and what is kept to listen to and to look at."""

    window: PositiveFloat
    examples: PositiveInt
    pictures: PositiveInt


class Config(Section):
    """The whole configuration."""

    seed: Annotated[int, Field(ge=0)]
    pretrained: bool
    device: Literal["auto", "cpu", "cuda"]
    datasets: Annotated[list[Identifier], Field(min_length=1)]
    slakh: Slakh
    mixtures: Mixtures
    vqvae: AudioCodec
    likelihood: LikelihoodConfig
    priors: Priors
    separation: MusicSeparation
    residual: Residual
    supervised: Supervised
    mnist: ImageSet
    image_sets: Annotated[dict[Identifier, ImageSet], BeforeValidator(without_nulls)]
    evaluation: Evaluation

    @model_validator(mode="after")
    def check(self) -> Self:
        """Sections of music must fit together."""
        check_mixing(
            self.mixtures.weights,
            sources=len(self.classes),
            codes=self.vqvae.codes,
            symmetric=self.likelihood.symmetric,
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
        for table, rows in self.separation.tables:
            self.check_masks(rows)
            blind = sorted(set(rows) & set(BLIND))
            if blind and len(self.classes) != 2:
                raise ValueError(
                    f"separation.tables.{table} names {blind[0]}, which splits a mixture in two, but "
                    f"there are {len(self.classes)} classes: leave out {', '.join(blind)}"
                )
            if blind and len(set(self.weights)) > 1:
                raise ValueError(
                    f"separation.tables.{table} names {blind[0]}, which does not know which of "
                    f"mixtures.weights {self.weights} is whose: make them equal or leave out "
                    + ", ".join(blind)
                )
            if blind and (seconds < SHORTEST_BLIND or self.slakh.sample_rate < LOWEST_BLIND):
                raise ValueError(
                    f"separation.tables.{table} names {blind[0]}, which needs mixtures of {SHORTEST_BLIND} s "
                    f"at {LOWEST_BLIND} Hz at least, not {seconds:g} s at {self.slakh.sample_rate} Hz: leave "
                    f"out {', '.join(blind)}"
                )
        return self

    @model_validator(mode="after")
    def check_datasets(self) -> Self:
        """Data sets that exist, and names of image sets that are free."""
        taken = sorted(TAKEN & set(self.image_sets))
        if taken:
            raise ValueError(f"image_sets.{taken[0]}: the name is taken, choose another than {sorted(TAKEN)}")
        known = ["slakh", *self.images]
        if not set(self.datasets) <= set(known) or len(set(self.datasets)) != len(self.datasets):
            raise ValueError(f"datasets {self.datasets} must name different ones of {known}")
        return self

    @model_validator(mode="after")
    def check_all_priors(self) -> Self:
        """Every source of every data set has a prior."""
        parts: dict[str, Config | ImageSet] = {"slakh": self, **self.images}
        for name, part in parts.items():
            check_priors(
                part.separation.priors,
                part.priors,
                classes=part.classes,
                pretrained=self.pretrained,
                dataset=name,
            )
        return self

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """Counts in the order of the classes only where the priors tell these apart."""
        chosen = [name for name in self.separation.priors.values() if not self.priors[name].conditional]
        shared = sorted({name for name in chosen if chosen.count(name) > 1})
        if shared and not self.likelihood.symmetric:
            raise ValueError(
                f"likelihood.symmetric is false, but the prior {shared[0]!r} stands for several classes and "
                "is not told which: make it conditional or count symmetrically"
            )
        return self

    def check_masks(self, rows: Sequence[str]) -> None:
        """Masks that fit into a mixture, in the methods that a table names."""
        for name in rows:
            method = self.separation.methods.get(name)
            mask = None if method is None else method.mask
            if mask is None:
                continue
            where, length = f"separation.methods.{name}.mask", self.frames_per_mixture
            if mask.window >= 2 * length:
                raise ValueError(
                    f"{where}.window {mask.window} must be less than twice the {length} samples of a "
                    "mixture: shorten it or lengthen mixtures.seconds"
                )
            frames, frequencies = length // (mask.window // 4) + 1, mask.window // 2 + 1
            if mask.templates >= min(frames, frequencies):
                raise ValueError(
                    f"{where}.templates {mask.templates} must be less than the {frames} frames and "
                    f"{frequencies} frequencies of a mixture: take fewer or change the window"
                )

    @property
    def images(self) -> dict[str, ImageSet]:
        """The image sets by name."""
        return {"mnist": self.mnist, **self.image_sets}

    @property
    def classes(self) -> list[str]:
        """Classes of music: the sources of a mixture."""
        return self.slakh.classes

    @property
    def tokens_per_mixture(self) -> int:
        """S: tokens of one mixture."""
        return round(self.mixtures.seconds * self.slakh.sample_rate / self.vqvae.hop)

    @property
    def frames_per_mixture(self) -> int:
        """T: samples of one mixture, a multiple of the hop."""
        return self.tokens_per_mixture * self.vqvae.hop

    @property
    def supervised_frames(self) -> int:
        """Samples of a mixture that supervised networks are trained on."""
        return round(self.supervised.seconds * self.slakh.sample_rate)

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
        node = resolved(node.get("properties", {}).get(part, named), schema)
    return sorted(node.get("properties", {}))


def resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a node of the schema stands for: a section that may also be null stands for itself."""
    for choice in node.get("anyOf", []):
        node = choice if "$ref" in choice else node
    return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else dict(node)


def json_schema() -> dict[str, Any]:
    """The configuration's JSON schema (draft 2020-12), as kept in `workflow/schemas/config.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def write_schema(path: Path) -> None:
    """Write the schema; `python -m lass.config FILE` does so."""
    path.write_text(json.dumps(json_schema(), indent=2) + "\n")
