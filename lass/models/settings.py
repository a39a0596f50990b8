"""Sizes, losses and training of the networks, as the configuration names them; without torch."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.settings import Factor, Identifier, PositiveFloat, PositiveInt, Precision, Section, Share, key

LONGEST_WINDOW = 2048
"""Samples of the longest window of the codec's spectral loss."""


class Training(Section):
    """One run of the training loop."""

    steps: PositiveInt = key("updates of the weights", "steps")
    batch: PositiveInt = key("examples per step", "examples")
    learning_rate: PositiveFloat = key(
        "highest rate of AdamW; half a cosine takes it down to a hundredth", "rate"
    )
    warmup: PositiveInt = key("steps in which the rate rises to it", "steps", default=100)
    weight_decay: Factor = key("decay of the matrices, per step and rate", "factor", default=0.01)
    clip: PositiveFloat = key("norm to which gradients are clipped", "norm", default=1.0)
    validate_every: PositiveInt = key(
        "steps between validations; the weights of the lowest validation loss are kept", "steps", default=250
    )
    validation_batches: PositiveInt = key(
        "batches of the validation split that a validation is about, always the same; of priors `windows`",
        "batches",
        default=16,
    )
    save_every: PositiveInt = key(
        "steps between saves of the state from which a killed training goes on", "steps", default=250
    )
    precision: Precision = key(
        "of matrix products; `auto`: bfloat16 where the hardware multiplies it natively, else float32",
        "auto, float32, bfloat16",
        default="auto",
    )

    def rate(self, step: int) -> float:
        """Learning rate of `step`: linear warm-up, then half a cosine down to a hundredth."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


class CodecSettings(Section):
    """The codec, a VQ-VAE: its network, its losses, its training."""

    checkpoint: str | None = key(
        "a trained codec, relative to the repository; null trains one. With it and `pretrained`, only its "
        "`strides` and the data's rate or size must be those that it was trained with",
        "path",
        default=None,
    )
    codes: Annotated[int, Field(ge=2, le=65536)] = key("K, size of the codebook", "codes")
    code_channels: PositiveInt = key("C, length of a code's vector", "channels")
    strides: Annotated[list[Annotated[int, Field(ge=2, multiple_of=2)]], Field(min_length=1)] = key(
        "downsampling of each stage, even numbers; the product is the hop: samples per token, or pixels of a "
        "token's side",
        "samples or pixels",
    )
    channels: list[PositiveInt] = key("width after each stage, one per stride", "channels")
    encoder_blocks: Annotated[int, Field(ge=0)] = key(
        "residual blocks after each downsampling; few keep the codes local and the likelihood sharp",
        "blocks",
        default=1,
    )
    encoder_kernel: PositiveInt = key(
        "width of their convolutions, an odd number; 1 leaves the receptive field to the downsampling",
        "frames",
        default=3,
    )
    overlap: bool = key(
        "whether the encoder's downsampling sees half of a frame's neighbours, or its own samples alone",
        "true, false",
        default=True,
    )
    normalise: bool = key(
        "bring the encoder's vectors to zero mean and unit variance over the channels, which keeps them from "
        "collapsing to few codes",
        "true, false",
        default=False,
    )
    decoder_blocks: Annotated[int, Field(ge=0)] = key("residual blocks before each upsampling", "blocks")
    encoder_dilation: PositiveInt = key(
        "factor by which dilation grows from block to block", "factor", default=1
    )
    decoder_dilation: PositiveInt = key("the same in the decoder", "factor", default=1)
    commitment: Factor = key("weight of the commitment loss", "factor", default=0.1)
    training: Training = key("its training", "section")

    @model_validator(mode="after")
    def check_layers(self) -> Self:
        """One width per stride; a kernel with a middle."""
        if len(self.strides) != len(self.channels):
            raise ValueError(f"channels {self.channels} needs one width per stride of {self.strides}")
        if self.encoder_kernel % 2 == 0:
            raise ValueError(f"encoder_kernel {self.encoder_kernel} must be odd")
        return self

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""
        return math.prod(self.strides)

    @property
    def factors(self) -> dict[str, float]:
        """Weights of the losses beside the reconstruction's."""
        return {"commitment": self.commitment}


class AudioCodecSettings(CodecSettings):
    """The codec of audio."""

    spectral: Factor = key("weight of the multi-resolution spectral loss", "factor", default=0.1)
    crop: PositiveInt = key(
        f"length of a training example, a multiple of the hop and at least {LONGEST_WINDOW}", "samples"
    )

    @property
    def factors(self) -> dict[str, float]:
        """Weights of the losses beside the reconstruction's."""
        return {"commitment": self.commitment, "spectral": self.spectral}

    @model_validator(mode="after")
    def check_crop(self) -> Self:
        """Crops that the encoder and the spectral loss can take."""
        if self.crop % self.hop or self.crop < LONGEST_WINDOW:
            raise ValueError(
                f"crop {self.crop} must be a multiple of {self.hop}, the product of strides, and at least "
                f"{LONGEST_WINDOW}"
            )
        return self


class PriorSettings(Section):
    """One prior: which classes it models, its network and its training."""

    checkpoint: str | None = key(
        "a trained prior, relative to the repository; null trains one", "path", default=None
    )
    classes: Annotated[list[Identifier], Field(min_length=1)] = key(
        "the classes whose codes it learns; several make it a shared prior", "names"
    )
    conditional: bool = key(
        "with several classes: tell the network which class it sees", "true, false", default=False
    )
    absolute: bool = key(
        "learned absolute positions beside the relative ones: for sequences whose beginning means something, "
        "such as images",
        "true, false",
        default=False,
    )
    activation: Literal["gelu", "silu"] = key(
        "of the feed-forward layers; silu is faster on a CPU", "gelu, silu", default="gelu"
    )
    layers: PositiveInt = key("transformer blocks", "blocks")
    width: PositiveInt = key("width, a multiple of twice the heads", "channels")
    heads: PositiveInt = key("attention heads", "heads")
    kv_heads: PositiveInt = key(
        "key and value heads, shared by the others; a divisor of `heads`", "heads", default=1
    )
    windows: PositiveInt = key(
        "windows of unseen data by which it is validated while it is trained", "windows", default=128
    )
    dropout: Share = key("share of the embedded input that is dropped while training", "share", default=0.05)
    training: Training = key("its training", "section")

    @model_validator(mode="after")
    def check(self) -> Self:
        """Different classes; widths that can be divided among the heads."""
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes {self.classes} names a class twice")
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError(
                f"width {self.width} must be a multiple of 2 * heads = {2 * self.heads}, and heads "
                f"{self.heads} a multiple of kv_heads {self.kv_heads}"
            )
        return self


class NetworkSettings(Section):
    """The learned likelihood, a network that hears the mixture, and its training."""

    checkpoint: str | None = key(
        "a network that is trained already, relative to the repository; null trains one. It is used with "
        "`pretrained` where it lies in the folder of the codec's checkpoint or below, and must be of that "
        "codec, of these sources and weights",
        "path",
        default=None,
    )
    seconds: PositiveFloat = key("length of a training mixture", "s", default=2.0)
    related: Annotated[float, Field(ge=0, le=1)] = key(
        "share of the training mixtures whose sources are of one moment of one track; the others are of "
        "unrelated places",
        "share",
        default=0.5,
    )
    width: PositiveInt = key("channels of a block", "channels", default=128)
    window: Annotated[int, Field(ge=2, multiple_of=2)] = key(
        "how much of the mixture a position hears before the blocks", "tokens", default=4
    )
    blocks: PositiveInt = key("residual blocks over time", "blocks", default=9)
    cycle: PositiveInt = key(
        "dilations go from 1 to 2 to the power of `cycle` - 1 tokens, again and again", "blocks", default=7
    )
    calibration_batches: PositiveInt = key(
        "batches of training mixtures in which the codes of every source are counted, once it is trained",
        "batches",
        default=64,
    )
    training: Training = key("its training", "section")


class ClassNmf(Section):
    """Dictionaries of the classes, for the row `nmf` of images."""

    components: PositiveInt = key("columns of each class's dictionary", "columns")
    iterations: PositiveInt = key("updates of a dictionary, and of the activations of a mixture", "updates")
    images: PositiveInt = key("training images of each class that its dictionary is fitted to", "images")


class CodecCheck(Section):
    """What a codec has to agree on with the configuration."""

    hop: int  # samples per token, or pixels of a token's side
    rate: int | None = None  # Hz; None for images


class PriorOfClass(Section):
    """The prior of one class."""

    source: str  # the class
    prior: str  # its name
    classes: list[str]  # that it was trained on, in order
    conditional: bool  # whether it is told which of them it sees

    @property
    def label(self) -> str:
        """Sources of equal labels may change places: a prior that is told no class knows them not apart."""
        return self.source if self.conditional or len(self.classes) == 1 else f"{self.prior} prior"
