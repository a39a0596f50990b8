"""Sections of an image set: MNIST, or pictures from a folder."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.config.sections import (
    Codec,
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Priors,
    Section,
    check_mixing,
)
from lass.config.separation import Separation, check_tables

REFERENCES = ("average", "nmf", "codec_ceiling")
"""Rows of the tables that need no sampler."""
LARGEST_PATCHES = 1 << 28
"""Numbers that `likelihood: patches` may take, as in `lass.likelihood.frames`."""


class Augmentation(Section):
    """Random affine copies of the training images; the numbers are standard deviations."""

    copies: Annotated[int, Field(ge=0)]
    rotation: Factor
    scale: Factor
    shear: Factor


class ImageCounts(Section):
    """Mixtures per split."""

    validation: PositiveInt
    test: PositiveInt


class ImageMixtures(Section):
    """What is separated."""

    sources: Annotated[int, Field(ge=2)]
    weights: list[PositiveFloat] | None
    count: ImageCounts


class ImageLikelihood(Section):
    """How many tuples are counted, and how they are drawn."""

    tuples: PositiveInt
    mixtures_per_group: PositiveInt
    noise: PositiveFloat


class Nmf(Section):
    """The dictionaries of the method nmf."""

    components: PositiveInt
    iterations: PositiveInt
    images: PositiveInt


class Tables(Section):
    """Rows of the tables: names of methods, in order."""

    psnr: Annotated[list[Identifier], Field(min_length=1)]
    samplers: Annotated[list[Identifier], Field(min_length=1)]


class ImageSeparation(Separation):
    """How images are separated, and the rows of their tables."""

    tables: Tables

    @model_validator(mode="after")
    def check(self) -> Self:
        """Rows that exist, and finishes that are for images."""
        check_tables(self.tables, methods=self.methods, references=REFERENCES)
        for name, method in self.methods.items():
            if method.consistency == "residual":
                raise ValueError(f"methods.{name}.consistency is 'residual', which is for music: use 'equal'")
        return self


class ImageSet(Section):
    """Everything about one set of images."""

    source: Literal["mnist", "folder"]
    root: str | None
    mirrors: list[str]
    classes: Annotated[list[Identifier], Field(min_length=1)]
    colours: Literal[1, 3]
    size: PositiveInt
    held_out: PositiveInt
    augmentation: Augmentation
    mixtures: ImageMixtures
    vqvae: Codec
    likelihood: ImageLikelihood
    priors: Priors
    separation: ImageSeparation
    nmf: Nmf

    @model_validator(mode="after")
    def check_source(self) -> Self:
        """Images that can be found and have the shape that their source gives them."""
        if self.source == "folder" and not self.root:
            raise ValueError("source is 'folder', so root must name a folder with train, validation and test")
        if self.source == "mnist" and not self.root and not self.mirrors:
            raise ValueError("root and mirrors are empty: name a folder with MNIST's files or a mirror")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes {self.classes} names a class twice")
        if self.source == "mnist" and (len(self.classes) != 10 or self.image != (1, 28, 28)):
            raise ValueError(
                f"source is 'mnist', which needs 10 classes, colours 1 and size 28, not "
                f"{len(self.classes)}, {self.colours} and {self.size}"
            )
        return self

    @model_validator(mode="after")
    def check(self) -> Self:
        """Parts must fit together."""
        if self.size % self.vqvae.hop:
            raise ValueError(
                f"size {self.size} must be a multiple of {self.vqvae.hop}, the product of vqvae.strides"
            )
        check_mixing(self.mixtures.weights, sources=self.mixtures.sources, codes=self.vqvae.codes)
        for name, sampler in self.separation.samplers.items():
            if sampler.likelihood == "patches":
                self.check_patches(name)
        return self

    def check_patches(self, name: str) -> None:
        """Two sources and few enough numbers for the sampler `name`, whose likelihood is that of patches."""
        numbers = (self.vqvae.codes * self.colours * self.vqvae.hop**2) ** 2
        if self.mixtures.sources != 2:
            raise ValueError(
                f"separation.samplers.{name}.likelihood is 'patches', which is for 2 sources, not "
                f"{self.mixtures.sources}: use 'counts'"
            )
        if numbers > LARGEST_PATCHES:
            raise ValueError(
                f"separation.samplers.{name}.likelihood is 'patches', for which {self.vqvae.codes} codes and "
                f"squares of {self.vqvae.hop} pixels take {numbers} numbers, more than {LARGEST_PATCHES}: "
                "use 'counts'"
            )

    @property
    def image(self) -> tuple[int, int, int]:
        """Colours, rows and columns of an image."""
        return self.colours, self.size, self.size

    @property
    def tokens_per_mixture(self) -> int:
        """S: tokens of one image."""
        return (self.size // self.vqvae.hop) ** 2

    @property
    def weights(self) -> list[float]:
        """Alpha: as configured, else 1 / N each."""
        return self.mixtures.weights or [1 / self.mixtures.sources] * self.mixtures.sources
