"""Sections that data sets of every kind have, and how they fit together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.bundle.settings import PresetName
from lass.models.diffusion_settings import DenoiserSettings
from lass.models.settings import NetworkSettings, PriorSettings
from lass.separation.settings import DecoderSettings, LatentMethod, Measured, check_offsets
from lass.settings import (
    Factor,
    Identifier,
    PositiveFloat,
    PositiveInt,
    Precision,
    Section,
    WithoutNulls,
    key,
)

OTHER_FOLDERS = {"candidates", "features", "scores", "seconds"}
"""Folders of a split's results beside those of the methods."""

Priors = Annotated[dict[Identifier, PriorSettings], WithoutNulls]


class Separation(Section):
    """How mixtures are separated by latent autoregressive source separation."""

    priors: Annotated[dict[Identifier, Identifier], WithoutNulls] = key(
        "name of the prior of each class", "name"
    )
    batch: PositiveInt = key(
        "mixtures decoded or refined at once; fewer are decoded where `mem_mb` does not suffice; changes "
        "speed, "
        "not the result",
        "mixtures",
    )
    precision: Precision = key(
        "of the priors' steps and of everything that the codec decodes; `auto`: bfloat16, which rounds more "
        "coarsely, where the hardware multiplies it natively, else float32",
        "auto, float32, bfloat16",
        default="auto",
    )
    decoders: Annotated[dict[Identifier, DecoderSettings], WithoutNulls] = key(
        "how codes are decoded, under names of your choice; each makes candidates that methods share",
        "sections",
    )
    methods: Annotated[dict[Identifier, LatentMethod], WithoutNulls] = key(
        "rows of the tables, under names of your choice: a decoder, and how estimates are made of its "
        "candidates",
        "sections",
    )

    @model_validator(mode="after")
    def check_decoders(self) -> Self:
        """Methods whose decoder exists and keeps enough candidates to refine."""
        for name, method in self.methods.items():
            if method.decoder not in self.decoders:
                raise ValueError(
                    f"methods.{name}.decoder is {method.decoder!r}, but decoders has only "
                    f"{sorted(self.decoders)}"
                )
            check_offsets(self.decoder_of(name), method, where=f"methods.{name}")
            kept = self.decoder_of(name).kept
            if method.refined > kept:
                raise ValueError(
                    f"methods.{name}.refined is {method.refined}, but {method.decoder} keeps only {kept}"
                )
        return self

    def decoder_of(self, method: str) -> DecoderSettings:
        """The decoder whose candidates a method makes its estimates of."""
        return self.decoders[self.methods[method].decoder]

    def measured_for(self, methods: Iterable[str]) -> list[Measured]:
        """What these methods ask for beside the table of counts, in order."""
        asked: set[Measured] = set()
        for name in methods:
            asked |= self.decoder_of(name).measured | self.methods[name].measured
        return sorted(asked)


class Presets(Section):
    """What a packed model offers."""

    best: Identifier = key("what is taken where no preset is asked for", "name")
    paper: Identifier | None = key("the published procedure", "name", default=None)
    fast: Identifier | None = key("what takes least time", "name", default=None)

    @property
    def methods(self) -> dict[PresetName, str]:
        """Preset -> method, of those that there are."""
        named: dict[PresetName, str | None] = {"best": self.best, "paper": self.paper, "fast": self.fast}
        return {preset: method for preset, method in named.items() if method is not None}


class Packing(Section):
    """The model that a run is packed into, `results/{dataset}/model/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = key("what it is called", "name")
    summary: str = key("what it separates, and what it was trained on, in a sentence or two", "text")
    licence: str = key("under which it may be passed on", "text", default="not stated")
    presets: Presets = key(
        "the method (of `separation.methods` or `diffusion.methods`) behind each of its presets", "section"
    )


class Table(Section):
    """A table of results: which methods, on which mixtures."""

    split: Literal["validation", "test"] = key(
        "whose mixtures it is about", "validation, test", default="test"
    )
    rows: Annotated[list[Identifier], Field(min_length=1)] = key("its methods, in order", "names")
    seconds: bool = key(
        "time its methods, too: a column `seconds` per mixture, and `results/{dataset}_{table}_seconds.png` "
        "when asked for",
        "true, false",
        default=False,
    )


Tables = Annotated[dict[Identifier, Table], WithoutNulls]


class Residual(Section):
    """How the variance of what the codec loses is estimated, code by code."""

    checkpoint: str | None = key(
        "sums that are measured already, relative to the repository; null measures them. They are used with "
        "`pretrained` where they lie in the folder of the codec's checkpoint, and must be of that codec",
        "path",
        default=None,
    )
    items: PositiveInt = key(
        "training items, spread over the list, in which it is measured", "items", default=16
    )
    strength: PositiveFloat = key(
        "frames of the mean of its class that every code counts beside its own", "frames", default=20.0
    )


class Counting(Section):
    """How many tuples are counted, and how they are drawn."""

    checkpoint: str | None = key(
        "a table that is counted already, relative to the repository; null counts one. It is used with "
        "`pretrained` where it lies in the folder of the codec's checkpoint or below, and must be of that "
        "codec, of these sources, weights and `tuples`",
        "path",
        default=None,
    )
    tuples: PositiveInt | None = key(
        "tuples (z_1..z_N, m) that are counted, rounded up to whole groups; null where `checkpoint` names a "
        "table, whatever number it was counted from",
        "tuples",
    )
    mixtures_per_group: PositiveInt = key("random mixtures encoded at once", "mixtures")
    held_out_groups: PositiveInt = key(
        "groups of unseen mixtures by which coverage and held-out log-likelihood are measured",
        "groups",
        default=8,
    )


class AudioCounting(Counting):
    """As for every kind, and how places are drawn in tracks."""

    symmetric: bool = key(
        "count every order of the sources' codes, as their sum does not tell them apart; `false` counts "
        "them in "
        "the order of the sources alone, where every class has a prior of its own",
        "true, false",
        default=True,
    )
    tokens: PositiveInt = key(
        "tokens counted per random mixture; items must be a little longer", "tokens", default=500
    )
    network: NetworkSettings | None = key(
        "the learned likelihood, for decoders that ask for it", "section", default=None
    )


class ImageCounting(Counting):
    """As for every kind, and what the likelihood of frames adds."""

    noise: Factor = key(
        "of decoders with `likelihood: frames`: standard deviation that is added to every pixel, so that "
        "codes "
        "of an empty background forgive small differences",
        "pixel values",
        default=0.05,
    )


def check_names(methods: Iterable[str], *, others: Iterable[str], where: str) -> None:
    """Methods, which stand in the section `where`, whose names are nobody else's."""
    taken = {*others, *OTHER_FOLDERS}
    for name in methods:
        if name in taken:
            raise ValueError(f"{where}.{name}: the name is taken, choose another than {sorted(taken)}")


def check_tables(tables: Mapping[str, Table], *, methods: Iterable[str], main: str) -> None:
    """Rows that exist, each once; the table that figures are about."""
    for name in ("candidates", "separations"):
        if name in tables:
            raise ValueError(f"tables.{name}: the name is taken by the figure, choose another")
    for name, table in tables.items():
        if set(table.rows) - set(methods) or len(set(table.rows)) != len(table.rows):
            raise ValueError(f"tables.{name}.rows {table.rows} must name different ones of {sorted(methods)}")
    if main not in tables:
        raise ValueError(f"tables has {sorted(tables)}, but a table named {main!r} is needed")


def check_packing(packing: Packing | None, *, methods: Iterable[str]) -> None:
    """Presets by methods that exist."""
    for preset, row in (packing.presets.methods if packing else {}).items():
        if row not in methods:
            raise ValueError(
                f"model.presets.{preset} is {row!r}, but separation.methods and diffusion.methods have "
                f"{sorted(methods)}"
            )


def check_mixing(weights: Sequence[float] | None, *, sources: int, codes: int, symmetric: bool) -> None:
    """A weight per source, the same for all where counts are symmetric; tuples that are 64-bit keys."""
    if weights is not None and len(weights) != sources:
        raise ValueError(f"mixtures.weights {weights} needs one number per source, {sources} in all")
    if symmetric and len(set(weights or [])) > 1:
        raise ValueError(
            f"mixtures.weights {weights} must be equal: the likelihood counts every order of the sources' "
            "codes, which is right only where the addends can change places (for audio, set "
            "likelihood.symmetric to false)"
        )
    if codes ** (sources + 1) >= 2**63:
        raise ValueError(
            f"codec.codes {codes} is too large for {sources} sources: "
            "codes ** (sources + 1) must be below 2 ** 63"
        )


def check_chosen_priors(
    chosen: Mapping[str, str],
    priors: Mapping[str, PriorSettings] | Mapping[str, DenoiserSettings],
    *,
    classes: Sequence[str],
    section: str = "separation",
    listed: str = "priors",
) -> None:
    """Every class has a prior, or a denoiser, that exists and models it.

    `section` is that with the key `priors`; `listed` is the key under which they stand, in the plural.
    """
    if sorted(chosen) != sorted(classes):
        what = listed.rpartition(".")[2].removesuffix("s")
        raise ValueError(
            f"{section}.priors must name a {what} for each class of {list(classes)} and no other, "
            f"not for {sorted(chosen)}"
        )
    for name, prior in chosen.items():
        where = f"{section}.priors.{name} is {prior!r}"
        if prior not in priors:
            raise ValueError(f"{where}, but {listed} has only {sorted(priors)}")
        if name not in priors[prior].classes:
            raise ValueError(f"{where}, which models {priors[prior].classes}")


def check_trained_priors(
    chosen: Mapping[str, str],
    priors: Mapping[str, PriorSettings],
    *,
    classes: Sequence[str],
    pretrained: bool,
) -> None:
    """A prior that is trained here finds all of its classes."""
    for name in dict.fromkeys(chosen.values()):
        given = pretrained and priors[name].checkpoint
        if not given and not set(priors[name].classes) <= set(classes):
            raise ValueError(
                f"priors.{name}.classes {priors[name].classes} must be among the classes {list(classes)}, "
                "where its training finds them"
            )
