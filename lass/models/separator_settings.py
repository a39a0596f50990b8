"""Sizes, losses and training of the networks that learn to separate from true mixtures; without torch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.models.settings import Training
from lass.settings import Factor, Identifier, Natural, PositiveFloat, PositiveInt, Section, WithoutNulls, key


class ConvTasnet(Section):
    """Conv-TasNet by the letters of its paper, and its training."""

    filters: PositiveInt = key("N of the paper: channels of the encoder", "channels")
    kernel: Annotated[int, Field(ge=2, multiple_of=2)] = key("L: length of a filter, even", "samples")
    bottleneck: PositiveInt = key("B", "channels")
    hidden: PositiveInt = key("H", "channels")
    layers: PositiveInt = key("X: blocks of a stack", "blocks")
    stacks: PositiveInt = key("R", "stacks")
    training: Training = key("its training", "section")


class HybridDemucs(Section):
    """Hybrid Demucs, and its training."""

    channels: Annotated[int, Field(ge=4, multiple_of=4)] = key(
        "of the first layer; a multiple of 4", "channels"
    )
    depth: Annotated[int, Field(ge=2, le=8)] = key("layers", "layers")
    window: PositiveInt = key("of its Fourier transform: 2 or 4 times 4 to the power of the depth", "samples")
    training: Training = key("its training", "section")

    @model_validator(mode="after")
    def check(self) -> Self:
        """A window whose frequencies the layers reduce to one, four to one at a time."""
        fitting = (2 * 4**self.depth, 4 * 4**self.depth)
        if self.window not in fitting:
            raise ValueError(
                f"window {self.window} must be {fitting[0]} or {fitting[1]} for {self.depth} layers"
            )
        return self


class Disentangled(Section):
    """A network of latent blocks, our reading of an abstract (arXiv 2402.06683), and its training.

    Without `divergence`, `dependence`, `memory` and `provisional` it is a network of masks, the control of
    those parts.
    """

    filters: PositiveInt = key("channels of the encoder, the virtual microphones", "channels", default=128)
    kernel: Annotated[int, Field(ge=2, multiple_of=2)] = key(
        "length of a filter, even; frames are half of it apart", "samples", default=32
    )
    bottleneck: PositiveInt = key("channels between the blocks of its convolutions", "channels", default=64)
    hidden: PositiveInt = key("channels within them", "channels", default=128)
    layers: PositiveInt = key("blocks of each of the two stacks", "blocks", default=6)
    block: PositiveInt = key(
        "latent channels of each source: more than one make the task over-determined", "channels", default=32
    )
    consistent: bool = key(
        "whether what is left of the mixture is shared out among the estimates", "true, false", default=True
    )
    provisional: Factor = key("weight of the error of the first stack's estimates", "factor", default=0.5)
    divergence: Factor = key(
        "weight of the divergence of the latents from their prior, per frame and channel; reached after a "
        "third of the steps. 0: latents without noise",
        "factor",
        default=1e-3,
    )
    dependence: Factor = key(
        "weight of the dependence between the blocks of different sources", "factor", default=0.1
    )
    measure: Literal["entropy", "covariance"] = key(
        "of that dependence: `entropy` is the Gaussian mutual information, `covariance` the squares of the "
        "covariances between blocks",
        "entropy, covariance",
        default="entropy",
    )
    segment: PositiveInt = key("length of a segment whose covariances are taken", "samples", default=8000)
    lags: PositiveInt = key("frames that are taken together as one in covariances", "frames", default=1)
    memory: list[PositiveInt] = key(
        "time constants in which the statistics of every source are remembered; the middle one is that of "
        "the prior. Empty for none",
        "samples",
        default_factory=lambda: [1600, 8000, 32000],
    )
    order: Literal["given", "soft", "hard"] = key(
        "which estimate stands for which source while training: `given` is the order of the classes; where "
        "these are alike, `soft` weighs all orders segment by segment and `hard` takes the best of a mixture",
        "given, soft, hard",
        default="given",
    )
    ordered: PositiveInt = key("length of a segment that has an order", "samples", default=4000)
    swaps: Factor = key("weight of changes of the order within a mixture", "factor", default=0.5)
    coldest: PositiveFloat = key(
        "temperature of the orders at the end of training; it begins at 1", "nepers", default=0.05
    )
    seed: Natural = key(
        "added to the seed of the run: networks that differ in it alone say how much chance does",
        "integer",
        default=0,
    )
    training: Training = key("its training", "section")

    @model_validator(mode="after")
    def check(self) -> Self:
        """Segments of a few frames at least."""
        hop = self.kernel // 2
        for name in ("segment", "ordered"):
            if getattr(self, name) < 4 * hop * self.lags:
                raise ValueError(
                    f"{name} {getattr(self, name)} must be at least {4 * hop * self.lags} samples, four "
                    f"frames of {hop} for each of {self.lags} lags"
                )
        return self


class Supervised(Section):
    """The networks that learn to separate from mixtures: rows of tables."""

    seconds: PositiveFloat = key(
        "length of a training mixture: sources from unrelated places of the training items", "s"
    )
    conv_tasnet: ConvTasnet = key("Conv-TasNet (Luo & Mesgarani 2019)", "section")
    hybrid_demucs: HybridDemucs = key("Hybrid Demucs (Défossez 2021)", "section")
    disentangled: Annotated[dict[Identifier, Disentangled], WithoutNulls] = key(
        "networks of latent blocks, under names of your choice, which are those of their rows",
        "sections",
        default_factory=dict,
    )
    checkpoints: Annotated[dict[Identifier, str], WithoutNulls] = key(
        "networks that are trained already, by their rows: paths relative to the repository; all others are "
        "trained, and without `pretrained` these as well",
        "paths",
        default_factory=dict,
    )

    @model_validator(mode="after")
    def check_checkpoints(self) -> Self:
        """Only of networks that there are."""
        for row in self.checkpoints:
            if row not in self.networks:
                raise ValueError(
                    f"checkpoints.{row}: no such network; there are {', '.join(self.networks)}: name one"
                )
        return self

    def network(self, row: str) -> ConvTasnet | HybridDemucs | Disentangled:
        """The settings of the network behind a row."""
        return self.networks[row]

    @property
    def networks(self) -> dict[str, ConvTasnet | HybridDemucs | Disentangled]:
        """The settings of every network, by its row."""
        fixed: dict[str, ConvTasnet | HybridDemucs | Disentangled]
        fixed = {"conv_tasnet": self.conv_tasnet, "hybrid_demucs": self.hybrid_demucs}
        return {**fixed, **self.disentangled}

    def seed(self, row: str, *, seed: int) -> int:
        """From which its training begins, in a run of this seed."""
        network = self.networks[row]
        return seed + network.seed if isinstance(network, Disentangled) else seed

    def kind(self, row: str) -> str:
        """Of which kind it is, a name in `lass.models.separators.SETTINGS`."""
        return "disentangled" if row in self.disentangled else row
