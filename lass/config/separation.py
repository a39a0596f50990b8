"""How sources are separated: samplers draw candidates, methods make estimates, tables list methods."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lass.config.sections import (
    ChosenPriors,
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Section,
    check_method,
    without_nulls,
)

OTHER_FOLDERS = {"candidates", "scores"}
"""Folders of a split's results beside those of the methods."""


class Sampler(Section):
    """How candidates are drawn, and how many are kept."""

    method: Literal["greedy", "beam", "ancestral", "top_k", "particle"]
    likelihood: Literal["counts", "patches"]
    hypotheses: PositiveInt
    likelihood_weight: Factor
    temperature: PositiveFloat
    top_k: PositiveInt | None
    resampling: Annotated[float, Field(gt=0, le=1)] | None
    kept: PositiveInt

    @model_validator(mode="after")
    def check(self) -> Self:
        """Settings that the method can use."""
        check_method(self.method, hypotheses=self.hypotheses, top_k=self.top_k)
        if (self.method == "particle") != (self.resampling is not None):
            raise ValueError(
                "resampling is needed by the method particle and must be null for every other method"
            )
        if self.kept > self.hypotheses:
            raise ValueError(f"kept is {self.kept}, but there are only {self.hypotheses} hypotheses")
        return self


class Refinement(Section):
    """Gradient steps on the dense latents."""

    steps: PositiveInt
    learning_rate: PositiveFloat
    halve_every: PositiveInt
    penalty: Factor


class Finish(Section):
    """From the candidates of a sampler to one estimate per source."""

    sampler: Identifier
    refined: Annotated[int, Field(ge=0)]
    refinement: Refinement | None
    choice: Literal["remix", "posterior", "joint"]
    sigma: PositiveFloat
    consistency: Literal["equal", "residual"] | None
    averaging: PositiveFloat | None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Steps where something is refined."""
        if (self.refined == 0) != (self.refinement is None):
            raise ValueError(
                f"refined is {self.refined}: refinement is needed where it is at least 1 and must be null "
                "where it is 0"
            )
        return self


class Separation(Section):
    """Samplers and methods, under names of the user's choice."""

    priors: ChosenPriors
    batch: PositiveInt
    precision: Literal["float32", "bfloat16"]
    samplers: Annotated[dict[Identifier, Sampler], BeforeValidator(without_nulls)]
    methods: Annotated[Mapping[Identifier, Finish], BeforeValidator(without_nulls)]

    @model_validator(mode="after")
    def check_samplers(self) -> Self:
        """Methods whose sampler exists and keeps enough candidates to refine."""
        for name, method in self.methods.items():
            if method.sampler not in self.samplers:
                raise ValueError(
                    f"methods.{name}.sampler is {method.sampler!r}, but samplers has only "
                    f"{sorted(self.samplers)}"
                )
            kept = self.samplers[method.sampler].kept
            if method.refined > kept:
                raise ValueError(
                    f"methods.{name}.refined is {method.refined}, but {method.sampler} keeps only {kept}"
                )
        return self


def check_tables(tables: Section, *, methods: Collection[str], references: Collection[str]) -> None:
    """Rows that exist, each once; methods whose names are nobody else's."""
    taken = {*references, *OTHER_FOLDERS}
    for name in methods:
        if name in taken:
            raise ValueError(f"methods.{name}: the name is taken, choose another than {sorted(taken)}")
    for table, rows in tables:
        unknown = sorted(set(rows) - {*methods, *references})
        if unknown or len(set(rows)) != len(rows):
            raise ValueError(
                f"tables.{table} {rows} must name different ones of {sorted(methods)} and "
                f"{sorted(references)}"
            )
