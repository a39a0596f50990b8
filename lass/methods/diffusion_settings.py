"""How mixtures are separated by diffusion priors: the solvers, and what follows them; without torch.

Levels of noise are in deviations: multiples of that of a mixture's loudest addend alpha_n x_n, as the
training data of its class have it. So one setting serves any weights and any loudness of the data.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.settings import Factor, Natural, PositiveFloat, PositiveInt, Section, key

PUBLISHED_STRENGTH = 1.5
"""Of the guidance `dps`, whose gradients are not normalised."""
PUBLISHED_SHARE = 0.09
"""Of `dsg` and `hybrid`, relative to the noise of a step."""

StartKind = Literal["mixture", "noise"]
NoiseKind = Literal["shared", "independent", "none"]


class Levels(Section):
    """Falling levels of noise, closer together the lower they are (Karras et al. 2022)."""

    steps: Annotated[int, Field(ge=2)] = key("levels, the last step from the lowest to none", "steps")
    highest: PositiveFloat = key("the first level", "deviations", default=10.0)
    lowest: PositiveFloat = key("the last level above none", "deviations", default=3e-3)
    rho: PositiveFloat = key(
        "curvature: 1 for equal steps, more for shorter ones at low levels", "exponent", default=7.0
    )

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        """Levels that fall."""
        if self.lowest >= self.highest:
            raise ValueError(f"lowest is {self.lowest}, but the levels begin at {self.highest}: lower it")
        return self


class Ode(Levels):
    """The probability flow of the sources' priors, guided by the mixture."""

    kind: Literal["ode"] = key("the probability flow, with or without churn", "ode")
    guidance: Literal["exact", "pigdm", "spectral", "symmetric", "dirac", "gaussian", "none"] = key(
        "how the mixture guides. `exact`: what is missing is shared out by the covariances that denoisers "
        "imply, by conjugate gradients. `pigdm`: along one such product, by a fixed length. `spectral`: by "
        "the mean power of the classes, without gradients. `dirac`: one source is what the others leave of "
        "the mixture. `symmetric`: all sources move within the plane of those that add up to it. "
        "`gaussian`: the noisy sources are drawn to the mixture. `none`: samples of the priors",
        "exact, pigdm, spectral, symmetric, dirac, gaussian, none",
        default="exact",
    )
    integrator: Literal["euler", "heun"] = key(
        "one or two evaluations of the denoisers per step", "euler, heun", default="euler"
    )
    start: StartKind = key(
        "whether the noise of the beginning is added to the mixture, or stands alone; `dirac` and "
        "`symmetric` begin at an equal share of the mixture in any case",
        "mixture, noise",
        default="mixture",
    )
    noise: NoiseKind = key(
        "that of the beginning. Shared noise is the same for all sources: what tells them apart is not "
        "noisy, and one run comes close to the posterior's mean; independent noise leads to a sample of it. "
        "`symmetric` keeps none that is shared",
        "shared, independent, none",
        default="shared",
    )
    churn: Factor = key(
        "noise that is added and taken away again along the way; 20 for samples that are averaged",
        "steps",
        default=0.0,
    )
    resamples: PositiveInt = key("times that every step is taken", "times", default=1)
    products: PositiveInt = key(
        "of `exact`: products with the covariances per evaluation, each a gradient; with exact denoisers the "
        "more, the better, with those that were trained so far 1 is best",
        "products",
        default=3,
    )
    error: Factor = key(
        "deviation of the mixture about the sum of its sources, for `exact`, `pigdm` and `spectral`",
        "deviations",
        default=0.0,
    )
    constrained: Natural | None = key(
        "of `dirac`: the source that the others leave, counted from 0; null for the last",
        "source",
        default=None,
    )

    @model_validator(mode="after")
    def check_noise(self) -> Self:
        """Noise that the guidance leaves something of."""
        if self.guidance == "symmetric" and self.noise == "shared":
            raise ValueError(
                "noise is 'shared', of which guidance 'symmetric' keeps nothing: say independent or none"
            )
        return self


class Losses(Section):
    """What the published solver measures the mixture's error by; norms, not squared."""

    wave: Factor = key("weight of the error of the whole mixture", "weight", default=1.0)
    pieces: Factor = key("weight of the errors of its pieces, added up", "weight", default=0.05)
    spectrum: Factor = key(
        "weight of the error of its magnitudes of the short-time Fourier transform", "weight", default=0.1
    )
    number: PositiveInt = key("pieces of equal length", "pieces", default=512)
    window: Annotated[int, Field(ge=4, multiple_of=2)] = key(
        "length of the transform's frames, half of it apart", "samples", default=512
    )

    @model_validator(mode="after")
    def check_weights(self) -> Self:
        """Something to go by."""
        if not self.wave + self.pieces + self.spectrum:
            raise ValueError("wave, pieces and spectrum are all 0: give one of them a weight")
        return self


class Ancestral(Section):
    """Ancestral sampling of a variance-preserving diffusion, as published: moved by the mixture's error."""

    kind: Literal["ancestral"] = key("ancestral sampling, as published", "ancestral")
    guidance: Literal["dps", "dsg", "hybrid", "undiff", "none"] = key(
        "how far a step goes down the gradient of the losses. `dps`: by its length. `dsg`: in proportion to "
        "the step's noise. `hybrid`: the same, but never less than the floor. `undiff`: no gradient, what is "
        "missing of the mixture is added to the denoised sources. `none`: samples of the priors",
        "dps, dsg, hybrid, undiff, none",
        default="hybrid",
    )
    steps: Annotated[int, Field(ge=25)] = key("of the schedule", "steps", default=200)
    start: StartKind = key(
        "whether the mixture is noised to begin with, or noise stands alone",
        "mixture, noise",
        default="mixture",
    )
    level: PositiveFloat = key(
        "share of the schedule whose noise the mixture begins with; the steps begin at the schedule's end",
        "share",
        default=0.75,
        le=1,
    )
    noise: Literal["shared", "independent"] = key(
        "that of the beginning: the same for all sources, or one for each",
        "shared, independent",
        default="shared",
    )
    strength: PositiveFloat | None = key(
        "factor on the gradient (`dps`), or on the noise of the step (`dsg`, `hybrid`); null for the "
        f"published {PUBLISHED_STRENGTH} and {PUBLISHED_SHARE}",
        "factor",
        default=None,
    )
    floor: Factor = key("of `hybrid`: the least move, as RMS of the scaled source", "RMS", default=0.002)
    sharpness: PositiveFloat = key(
        "of `hybrid`: of the smooth maximum of floor and noise", "1 / RMS", default=1000.0
    )
    losses: Losses = key("the error of the mixture", "section", default_factory=Losses)
    peak: PositiveFloat = key("to which mixtures are scaled beforehand", "amplitude", default=0.95)
    clip: PositiveFloat | None = key(
        "bound of the denoised sources on this scale; null for none", "amplitude", default=1.0
    )

    @property
    def factor(self) -> float:
        """The strength, or the published one."""
        published = PUBLISHED_STRENGTH if self.guidance == "dps" else PUBLISHED_SHARE
        return published if self.strength is None else self.strength


class Proximal(Levels):
    """Denoise, make the sources add up to the mixture, noise again: no gradients, any number of sources."""

    kind: Literal["proximal"] = key("denoise, share out what is missing, noise again", "proximal")
    eta: PositiveFloat = key(
        "how far a step goes towards the denoised sources that add up", "share", default=0.5, le=1
    )
    share: Literal["equal", "spectral"] = key(
        "who gets what is missing of the mixture: all alike, or by what the classes' mean power leaves open",
        "equal, spectral",
        default="spectral",
    )
    noise: NoiseKind = key(
        "the same for all sources in every step, or one for each",
        "shared, independent, none",
        default="shared",
    )
    split: Factor = key(
        "level above which each source has its own noise where priors are shared: with the same noise "
        "throughout, the sources of one prior would never part",
        "deviations",
        default=0.5,
    )


class Langevin(Section):
    """Annealed Langevin dynamics, as published for BASIS: samples of the posterior, level by level."""

    kind: Literal["langevin"] = key("annealed Langevin dynamics, as published for BASIS", "langevin")
    levels: Annotated[int, Field(ge=2)] = key(
        "levels of noise, each the same share of the one before", "levels", default=10
    )
    highest: PositiveFloat = key("the first level", "deviations", default=3.0)
    lowest: PositiveFloat = key("the last level", "deviations", default=0.03)
    steps: PositiveInt = key("at every level", "steps", default=100)
    step: PositiveFloat = key(
        "length of a step, relative to the variance of its level; more than 2 / (N + 1) for N sources "
        "would not settle",
        "share",
        default=0.3,
        lt=1,
    )

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        """Levels that fall."""
        if self.lowest >= self.highest:
            raise ValueError(f"lowest is {self.lowest}, but the levels begin at {self.highest}: lower it")
        return self


Solver = Annotated[Ode | Ancestral | Proximal | Langevin, Field(discriminator="kind")]


class DiffusionMethod(Section):
    """A row of the tables by diffusion priors: a solver, and what is made of its runs."""

    solver: Solver = key("from the mixture to its sources", "section")
    runs: PositiveInt = key("of the solver, whose mean is taken", "runs", default=1)
    consistency: Literal["equal"] | None = key(
        "make the estimates add up to the mixture: `equal` shares out what is missing alike",
        "null, equal",
        default="equal",
    )
