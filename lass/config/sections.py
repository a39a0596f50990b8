"""What the sections of music and of images have in common, and how their parts have to fit together."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def without_nulls(entries: Any) -> Any:
    """Leave out entries that are null, so that overrides can take away what the default names."""
    return {k: v for k, v in entries.items() if v is not None} if isinstance(entries, Mapping) else entries


class Section(BaseModel):
    """A section of the configuration: immutable, complete, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Training(Section):
    """One run of the training loop."""

    steps: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat
    warmup: PositiveInt
    weight_decay: Factor
    clip: PositiveFloat
    validate_every: PositiveInt
    save_every: PositiveInt
    bfloat16: bool


class Codec(Section):
    """The VQ-VAE: network, losses, training."""

    checkpoint: str | None
    codes: Annotated[int, Field(ge=2, le=65536)]
    code_channels: PositiveInt
    strides: Annotated[list[Annotated[int, Field(ge=2, multiple_of=2)]], Field(min_length=1)]
    channels: list[PositiveInt]
    encoder_blocks: Annotated[int, Field(ge=0)]
    encoder_kernel: PositiveInt
    overlap: bool
    normalise: bool
    decoder_blocks: Annotated[int, Field(ge=0)]
    encoder_dilation: PositiveInt
    decoder_dilation: PositiveInt
    commitment: Factor
    training: Training

    @model_validator(mode="after")
    def check_layers(self) -> Self:
        """One width per stride; a kernel with a middle."""
        if len(self.strides) != len(self.channels):
            raise ValueError(f"vqvae.channels {self.channels} needs one width per stride of {self.strides}")
        if self.encoder_kernel % 2 == 0:
            raise ValueError(f"vqvae.encoder_kernel {self.encoder_kernel} must be odd")
        return self

    @property
    def hop(self) -> int:
        """Samples per token, or pixels of a token's side."""
        return prod(self.strides)


class PriorConfig(Section):
    """One prior: which classes it models, its network and its training."""

    checkpoint: str | None
    classes: Annotated[list[Identifier], Field(min_length=1)]
    conditional: bool
    absolute: bool
    activation: Literal["gelu", "silu"]
    layers: PositiveInt
    width: PositiveInt
    heads: PositiveInt
    kv_heads: PositiveInt
    dropout: Share
    training: Training

    @model_validator(mode="after")
    def check(self) -> Self:
        """Widths that can be divided among the heads."""
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError(
                f"width {self.width} must be a multiple of 2 * heads = {2 * self.heads}, and heads "
                f"{self.heads} a multiple of kv_heads {self.kv_heads}"
            )
        return self


Priors = Annotated[dict[Identifier, PriorConfig], BeforeValidator(without_nulls)]
ChosenPriors = Annotated[dict[Identifier, Identifier], BeforeValidator(without_nulls)]


def check_method(method: str, *, hypotheses: int, top_k: int | None) -> None:
    """Settings that the decoding method can use."""
    if (method == "top_k") != (top_k is not None):
        raise ValueError("top_k is needed by the method top_k and must be null for every other method")
    if method == "greedy" and hypotheses != 1:
        raise ValueError(f"hypotheses is {hypotheses}, but the method greedy follows exactly 1")


def check_mixing(
    weights: Sequence[float] | None, *, sources: int, codes: int, symmetric: bool = True
) -> None:
    """A weight per source, the same for all where counts are symmetric; tuples that are 64-bit keys."""
    if weights is not None and len(weights) != sources:
        raise ValueError(f"mixtures.weights {weights} needs one number per source, {sources} in all")
    if symmetric and len(set(weights or [])) > 1:
        raise ValueError(
            f"mixtures.weights {weights} must be equal: the likelihood counts every order of the sources' "
            "codes, which is right only where the addends can change places (for music, set "
            "likelihood.symmetric to false)"
        )
    if codes ** (sources + 1) >= 2**63:
        raise ValueError(
            f"vqvae.codes {codes} is too large for {sources} sources: "
            "codes ** (sources + 1) must be below 2 ** 63"
        )


def check_priors(
    chosen: Mapping[str, str],
    priors: Mapping[str, PriorConfig],
    *,
    classes: Sequence[str],
    pretrained: bool,
    dataset: str,
) -> None:
    """Every class has a prior that models it; a prior that is trained here finds all of its classes."""
    where = "" if dataset == "slakh" else f"{dataset}."
    if sorted(chosen) != sorted(classes):
        raise ValueError(
            f"{where}separation.priors must name a prior for each class of {list(classes)} and no other"
        )
    for name, prior_name in chosen.items():
        key = f"{where}separation.priors.{name} is {prior_name!r}"
        if prior_name not in priors:
            raise ValueError(f"{key}, but {where}priors has only {sorted(priors)}")
        prior = priors[prior_name]
        if name not in prior.classes:
            raise ValueError(f"{key}, which models {prior.classes}")
        given = pretrained and prior.checkpoint
        if not given and not set(prior.classes) <= set(classes):
            raise ValueError(
                f"{where}priors.{prior_name}.classes {prior.classes} must be among {dataset}.classes "
                f"{list(classes)}, where its training finds them"
            )
