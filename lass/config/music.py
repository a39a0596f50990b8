"""Sections of music."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lass.config.sections import (
    Codec,
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Section,
    Training,
    without_nulls,
)
from lass.config.separation import Finish, Separation, check_tables

BLIND = ("rpca", "ica", "hpss", "repet", "repet_sim", "ft2d", "nmf")
"""Methods that split any mixture in two, as in `lass.methods.blind.separate`."""
SHORTEST_BLIND, LOWEST_BLIND = 1.0, 1000
"""Seconds and Hz that they need, as there."""
SUPERVISED = ("conv_tasnet", "hybrid_demucs")
"""Networks that are trained on mixtures, as in `lass.methods.supervised`."""
MUSIC_REFERENCES = ("mixture", "codec_ceiling", "ideal_mask", *BLIND, *SUPERVISED)
"""Rows of the tables of music that need no sampler."""
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
    symmetric: bool
    tokens: PositiveInt
    mixtures_per_group: PositiveInt


class Residual(Section):
    """How the variance of what the codec loses is estimated, code by code."""

    tracks: PositiveInt
    strength: PositiveFloat


class MusicTables(Section):
    """Rows of the tables: names of methods, in order."""

    sdr: Annotated[list[Identifier], Field(min_length=1)]
    samplers: Annotated[list[Identifier], Field(min_length=1)]


class Mask(Section):
    """Soft masks by templates of the estimates' spectra."""

    window: Annotated[int, Field(ge=4, multiple_of=4)]
    templates: PositiveInt
    rounds: PositiveInt


class MusicFinish(Finish):
    """How a method of music makes estimates: as `Finish`, and by masks."""

    mask: Mask | None


class MusicSeparation(Separation):
    """How music is separated, and the rows of its tables."""

    methods: Annotated[Mapping[Identifier, MusicFinish], BeforeValidator(without_nulls)]
    tables: MusicTables

    @model_validator(mode="after")
    def check(self) -> Self:
        """Rows that exist, and samplers that are for music."""
        check_tables(self.tables, methods=self.methods, references=MUSIC_REFERENCES)
        for name, sampler in self.samplers.items():
            if sampler.likelihood != "counts":
                raise ValueError(
                    f"samplers.{name}.likelihood is {sampler.likelihood!r}, which is for images: use 'counts'"
                )
        return self


class ConvTasnet(Section):
    """Conv-TasNet by the letters of its paper (N, L, B, H, X, R), and its training."""

    filters: PositiveInt
    kernel: Annotated[int, Field(ge=2, multiple_of=2)]
    bottleneck: PositiveInt
    hidden: PositiveInt
    layers: PositiveInt
    stacks: PositiveInt
    training: Training


class HybridDemucs(Section):
    """Hybrid Demucs, and its training."""

    channels: Annotated[int, Field(ge=4, multiple_of=4)]
    depth: Annotated[int, Field(ge=2, le=8)]
    window: PositiveInt
    training: Training

    @model_validator(mode="after")
    def check(self) -> Self:
        """A window whose frequencies the layers reduce to one, four to one at a time."""
        fitting = (2 * 4**self.depth, 4 * 4**self.depth)
        if self.window not in fitting:
            raise ValueError(
                f"window {self.window} must be {fitting[0]} or {fitting[1]} for {self.depth} layers"
            )
        return self


class Supervised(Section):
    """The networks that learn to separate from mixtures."""

    seconds: PositiveFloat
    conv_tasnet: ConvTasnet
    hybrid_demucs: HybridDemucs
