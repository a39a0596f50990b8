"""Sections of music."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.config.sections import (
    ChosenPriors,
    Codec,
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Section,
    check_method,
)

LONGEST_WINDOW = 2048  # of the VQ-VAE's spectral loss, in samples


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
    silence: Factor
    count: MixtureCounts


class AudioCodec(Codec):
    """The codec of music."""

    spectral: Factor
    crop: PositiveInt

    @model_validator(mode="after")
    def check_crop(self) -> Self:
        """Crops that the encoder and the spectral loss can take."""
        if self.crop % self.hop or self.crop < LONGEST_WINDOW:
            raise ValueError(
                f"vqvae.crop {self.crop} must be a multiple of {self.hop}, the product of vqvae.strides, "
                f"and at least {LONGEST_WINDOW}"
            )
        return self


class LikelihoodConfig(Section):
    """How many tuples are counted, and how they are drawn."""

    tuples: PositiveInt
    tokens: PositiveInt
    mixtures_per_group: PositiveInt


class Decoding(Section):
    """The row `lass` of the tables."""

    priors: ChosenPriors
    method: Literal["greedy", "beam", "ancestral", "top_k"]
    hypotheses: PositiveInt
    likelihood_weight: Factor
    temperature: PositiveFloat
    top_k: PositiveInt | None
    selection: Literal["remix", "posterior"]
    batch: PositiveInt

    @model_validator(mode="after")
    def check(self) -> Self:
        """Settings that the method can use."""
        check_method(self.method, hypotheses=self.hypotheses, top_k=self.top_k)
        return self
