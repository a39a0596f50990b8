"""How mixtures are separated: how codes are decoded, and how estimates are made of the candidates.

Imports no torch: the configuration, the workflow and the engine read the same objects.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.settings import Factor, Identifier, PositiveFloat, PositiveInt, Section, key

LikelihoodKind = Literal["counts", "frames", "network"]
Measured = Literal["frames", "network", "residual"]
"""What decoders and methods may ask for beside codec, priors and the table of counts."""


class _Decoder(Section):
    """What every decoder is told."""

    likelihood: LikelihoodKind = key(
        "`counts`: the table p(m given z_1..z_N), as in the paper. `frames`: the mixture's own frame under "
        "the mean and covariance of the frames that each code stands for; images of two sources only. "
        "`network`: a network that hears the mixture says which codes each source may have, and every source "
        "is decoded by itself; audio only",
        "counts, frames, network",
        default="counts",
    )
    likelihood_weight: Factor = key("lambda, the factor on the log-likelihood", "factor")
    network_weight: Factor = key(
        "lambda of the network's log-likelihood beside that of the table of counts; 0 for the table alone",
        "factor",
        default=0.0,
    )

    prior_weight: Annotated[float, Field(ge=0, le=1)] = key(
        "of `likelihood: network`: exponent of the priors, the rest being how frequent a code is. Below 1 "
        "for sources unlike those that the priors were trained on; 0 asks no prior",
        "factor",
        default=1.0,
    )

    @model_validator(mode="after")
    def check_network(self) -> Self:
        """The network has one weight: beside the counts, or alone."""
        if self.network_weight and self.likelihood != "counts":
            raise ValueError(
                f"network_weight is {self.network_weight}, which is for `likelihood: counts`, but likelihood "
                f"is {self.likelihood!r}: its weight is likelihood_weight, so leave network_weight out"
            )
        if self.prior_weight != 1 and self.likelihood != "network":
            raise ValueError(
                f"prior_weight is {self.prior_weight}, which is for `likelihood: network`, but likelihood is "
                f"{self.likelihood!r}: leave it out"
            )
        return self

    @property
    def uses_counts(self) -> bool:
        """Whether it asks for the table of counts."""
        return self.likelihood == "counts"

    @property
    def uses_priors(self) -> bool:
        """Whether it asks for the priors."""
        return self.prior_weight > 0

    @property
    def measured(self) -> set[Measured]:
        """What it asks for beside codec, priors and the table of counts."""
        if self.likelihood == "counts":
            return {"network"} if self.network_weight else set()
        return {self.likelihood}


class _Wide(_Decoder):
    """What every decoder of more than one hypothesis is told."""

    hypotheses: PositiveInt = key("W, beams or drawn hypotheses per mixture", "hypotheses")
    kept: PositiveInt = key(
        "hypotheses of the lowest remix distance that are kept as candidates; the most probable is kept, too",
        "hypotheses",
    )

    @model_validator(mode="after")
    def check_kept(self) -> Self:
        """No more candidates than hypotheses."""
        if self.kept > self.hypotheses:
            raise ValueError(f"kept is {self.kept}, but there are only {self.hypotheses} hypotheses")
        return self


class _Sampler(_Wide):
    """What every decoder that draws is told."""

    temperature: PositiveFloat = key("divides the log posterior before drawing", "factor", default=1.0)
    offsets: PositiveInt = key(
        "places where the codec's frames of the mixture begin, each for an equal part of the hypotheses and "
        "of the islands: a mean over them is nearer to the sources than one of a single place. For methods "
        "with `averaging`, in which all offsets weigh alike; at most as many as a frame has samples",
        "offsets",
        default=1,
    )
    stratified: bool = key(
        "whether the numbers that decide the draws of a position are spread evenly over the hypotheses: each "
        "is drawn as before, but together they are more like the posterior, so that a mean needs fewer",
        "true, false",
        default=False,
    )

    @model_validator(mode="after")
    def check_offsets(self) -> Self:
        """Equally many hypotheses for every offset, and all of them kept."""
        if self.offsets > 1 and self.kept < self.hypotheses:
            raise ValueError(
                f"kept is {self.kept} of {self.hypotheses} hypotheses, but with {self.offsets} offsets the "
                "mean is over all of them: keep all"
            )
        if self.hypotheses % self.offsets:
            raise ValueError(
                f"{self.hypotheses} hypotheses cannot be shared out among {self.offsets} offsets: choose a "
                "divisor"
            )
        return self


class Greedy(_Decoder):
    """The best tuple of every position: one hypothesis."""

    kind: Literal["greedy"] = key("the best tuple of every position", "greedy")

    @property
    def hypotheses(self) -> int:
        """W is 1."""
        return 1

    @property
    def kept(self) -> int:
        """The one hypothesis is the candidate."""
        return 1

    @property
    def offsets(self) -> int:
        """The mixture is not moved."""
        return 1


class Beam(_Wide):
    """Exact beam search over joint prefixes (paper, section 4.2)."""

    kind: Literal["beam"] = key("exact beam search over joint prefixes", "beam")

    @property
    def offsets(self) -> int:
        """The mixture is not moved."""
        return 1


class Ancestral(_Sampler):
    """W hypotheses drawn independently, position by position, from the posterior (paper, section 4.2)."""

    kind: Literal["ancestral"] = key("hypotheses drawn from the posterior, position by position", "ancestral")


class TopK(_Sampler):
    """As ancestral, from the k most probable tuples of every position."""

    kind: Literal["top_k"] = key("as ancestral, from the k most probable tuples of every position", "top_k")
    top_k: PositiveInt = key("k, tuples to draw from", "tuples")


class Particle(_Sampler):
    """As ancestral, with the hypotheses resampled along the sequence: a particle filter."""

    kind: Literal["particle"] = key(
        "as ancestral, with the hypotheses resampled along the sequence", "particle"
    )
    resampling: Annotated[float, Field(gt=0, le=1)] = key(
        "share of W below which the effective number of hypotheses makes them resample", "share", default=0.5
    )
    islands: PositiveInt = key(
        "parts of the W hypotheses that resample among themselves alone. The candidates of one island have "
        "nearly all of their past in common, those of several do not: a mean over them is worth more",
        "islands",
        default=1,
    )

    @model_validator(mode="after")
    def check_islands(self) -> Self:
        """Islands of equal size."""
        if self.hypotheses % self.islands:
            raise ValueError(
                f"{self.hypotheses} hypotheses cannot be parted into {self.islands} islands of equal size: "
                "choose a divisor"
            )
        if self.islands % self.offsets:
            raise ValueError(
                f"{self.islands} islands cannot be shared out among {self.offsets} offsets: choose a divisor"
            )
        return self


DecoderSettings = Annotated[Greedy | Beam | Ancestral | TopK | Particle, Field(discriminator="kind")]


def of_one_offset(decoder: DecoderSettings) -> DecoderSettings:
    """What decodes the hypotheses of one of the offsets of `decoder`."""
    if decoder.offsets == 1:
        return decoder
    shared = ["hypotheses", "kept", *(["islands"] if isinstance(decoder, Particle) else [])]
    parts = {name: getattr(decoder, name) // decoder.offsets for name in shared}
    return decoder.model_copy(update={"offsets": 1, **parts})


class Refinement(Section):
    """Gradient steps on the dense latents (paper, equations 12 and 13)."""

    steps: PositiveInt = key("gradient steps on the dense latents", "steps", default=500)
    learning_rate: PositiveFloat = key("first rate of Adam", "rate", default=0.1)
    halve_every: PositiveInt = key("steps after which the rate is halved", "steps", default=100)
    penalty: Factor = key(
        "weight of the squared distance from where the latents began", "factor", default=1e-3
    )


class Mask(Section):
    """Soft masks by templates of the estimates' spectra."""

    window: Annotated[int, Field(ge=4, multiple_of=4)] = key(
        "length of the frames, a quarter of it apart: a multiple of 4, less than twice the mixture", "samples"
    )
    templates: PositiveInt = key(
        "templates of every source: fewer than the mixture has frames, and a frame frequencies", "spectra"
    )
    rounds: PositiveInt = key("how many times masks are made, each time from the result so far", "rounds")
    share: Annotated[float, Field(gt=0, le=1)] = key(
        "weight of the mixture through masks in the mean with the estimates, which have the rest",
        "share",
        default=0.5,
    )


class Estimation(Section):
    """From the candidates of a mixture to one estimate per source.

    The first `refined` candidates (those of lowest remix distance) are refined; where `refined` is 0, all are
    only decoded. One of them is chosen, or their mean is taken; consistency makes the estimates add up to the
    mixture; last, masks take the mean of the estimates and of the mixture through masks that they make.
    """

    refined: Annotated[int, Field(ge=0)] = key(
        "how many candidates are refined by gradient steps; 0 for none, then all are looked at",
        "candidates",
        default=0,
    )
    refinement: Refinement | None = key(
        "how they are refined; null where `refined` is 0", "section", default=None
    )
    choice: Literal["remix", "posterior", "joint"] = key(
        "which candidate wins: nearest to the mixture (`remix`), of the highest log posterior (`posterior`), "
        "or of the highest `log posterior - remix error / (2 sigma²)` (`joint`)",
        "remix, posterior, joint",
        default="posterior",
    )
    sigma: PositiveFloat = key(
        "in `joint`: standard deviation of a number of the mixture about the remix", "amplitude", default=0.1
    )
    consistency: Literal["equal", "residual"] | None = key(
        "move the estimates to ones that add up to the mixture: `equal` shares out what is missing alike, "
        "`residual` by what the codec is known to lose in the frames of each code (audio only)",
        "null, equal, residual",
        default=None,
    )
    averaging: PositiveFloat | None = key(
        "null: the chosen candidate. A number: the mean over the candidates, weighted by what `choice` goes "
        "by at this temperature",
        "nats",
        default=None,
    )
    mask: Mask | None = key(
        "null, or the mean of the estimates and of the mixture through soft masks by templates of their "
        "spectra (audio only)",
        "section",
        default=None,
    )

    @property
    def measured(self) -> set[Measured]:
        """What it asks for beside the codec."""
        return {"residual"} if self.consistency == "residual" else set()

    @model_validator(mode="after")
    def check(self) -> Self:
        """Steps where something is refined, and only there."""
        if (self.refined == 0) != (self.refinement is None):
            raise ValueError(
                f"refined is {self.refined}: refinement is needed where it is at least 1 and must be null "
                "where it is 0"
            )
        return self


class LatentMethod(Estimation):
    """A row of the tables by latent autoregressive source separation: a decoder, and an estimation."""

    decoder: Identifier = key("the decoder whose candidates it takes; methods may share one", "name")

    @property
    def estimation(self) -> Estimation:
        """How it makes its estimates of the candidates."""
        return Estimation(**{name: getattr(self, name) for name in Estimation.model_fields})


def check_offsets(decoder: DecoderSettings, estimation: Estimation, *, where: str) -> None:
    """Hypotheses of several offsets are for a mean over all of them as they are; ValueError."""
    if decoder.offsets == 1:
        return
    if estimation.averaging is None or estimation.refined:
        raise ValueError(
            f"{where}: its decoder has {decoder.offsets} offsets, which are for a mean over all candidates "
            f"as they are, but averaging is {estimation.averaging} and refined {estimation.refined}: give "
            "averaging a temperature and refine none, or leave offsets out"
        )


def check_hop(decoder: DecoderSettings, hop: int, *, where: str) -> None:
    """No more offsets than a frame of the codec has samples, or pixels along a side; ValueError."""
    if decoder.offsets > hop:
        raise ValueError(
            f"{where}.offsets is {decoder.offsets}, but a frame of the codec has {hop} places to begin at: "
            "choose fewer"
        )
