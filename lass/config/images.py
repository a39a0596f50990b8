"""Sections of an image set: MNIST, or pictures from a folder."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lass.config.sections import (
    ChosenPriors,
    Codec,
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Priors,
    Section,
    check_method,
    check_mixing,
    without_nulls,
)

REFERENCES = ("average", "nmf", "codec_ceiling")
"""Rows of the tables that need no sampler."""
LARGEST_PATCHES = 1 << 28
"""Numbers that `likelihood: patches` may take, as in `lass.likelihood.patches`."""
RESERVED = {*REFERENCES, "candidates", "scores"}
"""Names of other folders of a split's results."""


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
    consistency: bool
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


class Tables(Section):
    """Rows of the tables: names of methods, in order."""

    psnr: Annotated[list[Identifier], Field(min_length=1)]
    samplers: Annotated[list[Identifier], Field(min_length=1)]


class ImageSeparation(Section):
    """Samplers and methods, under names of the user's choice."""

    priors: ChosenPriors
    batch: PositiveInt
    precision: Literal["float32", "bfloat16"]
    samplers: Annotated[dict[Identifier, Sampler], BeforeValidator(without_nulls)]
    methods: Annotated[dict[Identifier, Finish], BeforeValidator(without_nulls)]
    tables: Tables

    @model_validator(mode="after")
    def check(self) -> Self:
        """Names that exist and are nobody else's; candidates enough to refine."""
        for name, method in self.methods.items():
            if name in RESERVED:
                raise ValueError(f"methods.{name}: the name is taken, choose another than {sorted(RESERVED)}")
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
        for table, rows in (("psnr", self.tables.psnr), ("samplers", self.tables.samplers)):
            unknown = sorted(set(rows) - {*self.methods, *REFERENCES})
            if unknown or len(set(rows)) != len(rows):
                raise ValueError(
                    f"tables.{table} {rows} must name different ones of {sorted(self.methods)} and "
                    f"{sorted(REFERENCES)}"
                )
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
