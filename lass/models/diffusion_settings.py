"""Sizes and training of the networks that denoise sources, as the configuration names them; without torch."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from lass.models.settings import Training
from lass.settings import Factor, Identifier, Natural, PositiveFloat, PositiveInt, Section, key

GROUPS = 8
"""Of channels that are normalised together: every width is a multiple."""


class DenoiserCheck(Section):
    """What a denoiser has to agree on: the data that it is asked about."""

    rate: PositiveInt | None = None  # Hz; None for images
    image: tuple[PositiveInt, PositiveInt, PositiveInt] | None = None  # colours, height, width; None: sounds


class DenoiserSettings(Section):
    """A diffusion prior: a network that denoises sources of one class, or of several."""

    checkpoint: str | None = key(
        "a trained denoiser, relative to the repository; null trains one", "path", default=None
    )
    classes: Annotated[list[Identifier], Field(min_length=1)] = key(
        "the classes whose sources it learns; several make it a shared prior", "names"
    )
    conditional: bool = key(
        "with several classes: tell the network which class it sees", "true, false", default=False
    )
    crop: PositiveInt = key(
        "length of a training example of audio; images are taken whole", "samples", default=16384
    )
    gain: Factor = key(
        "training examples of audio are made louder or softer by up to this, and turned upside down at "
        "random; 0 leaves them as they are",
        "dB",
        default=3.0,
    )
    patch: PositiveInt = key(
        "samples that are folded into channels at the entry; 1 for images", "samples", default=16
    )
    channels: Annotated[list[Annotated[int, Field(multiple_of=GROUPS, ge=GROUPS)]], Field(min_length=1)] = (
        key(f"width of each stage, multiples of {GROUPS}", "channels")
    )
    strides: list[Annotated[int, Field(ge=2)]] = key(
        "downsampling between the stages, one fewer than widths", "frames or pixels"
    )
    blocks: PositiveInt = key("residual blocks of a stage, down and up", "blocks", default=2)
    attention: Natural = key("of the lowest stages: how many attend to all places", "stages", default=2)
    heads: PositiveInt = key("attention heads", "heads", default=4)
    embedding: Annotated[int, Field(ge=2, multiple_of=2)] = key(
        "length of the vector that tells the level of noise", "channels", default=128
    )
    level_mean: float = key(
        "mean of the logarithm of the training levels of noise, relative to the data's deviation",
        "nepers",
        default=-1.2,
    )
    level_deviation: PositiveFloat = key("its standard deviation", "nepers", default=1.5)
    average: Factor = key(
        "the weights that are used and validated are an exponential mean of those that were learnt, over "
        "this share of the training's steps; 0 for those of the last step but one",
        "share",
        default=0.1,
        lt=1,
    )
    training: Training = key("its training", "section")

    @model_validator(mode="after")
    def check(self) -> Self:
        """Classes of their own, stages that fit each other, heads that share the widths."""
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes {self.classes} name one more than once: name each once")
        if len(self.strides) != len(self.channels) - 1:
            raise ValueError(
                f"channels {self.channels} needs {len(self.channels) - 1} strides, not {len(self.strides)}"
            )
        if self.attention > len(self.channels):
            raise ValueError(f"attention in {self.attention} of {len(self.channels)} stages: lower it")
        odd = [width for width in self.channels[len(self.channels) - self.attention :] if width % self.heads]
        if odd:
            raise ValueError(f"channels {odd} cannot be shared by {self.heads} heads: choose multiples")
        return self

    @property
    def told(self) -> bool:
        """Whether the network is told which class it sees."""
        return self.conditional and len(self.classes) > 1

    @property
    def decay(self) -> float:
        """Of the mean of the weights, per step."""
        steps = self.average * self.training.steps
        return min(1 - 1 / steps, 0.9995) if steps > 1 else 0.0
