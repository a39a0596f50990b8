"""A data set of audio: songs with stems, or recordings of single sources."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lass.config.dataset import Dataset
from lass.config.location import check_known, known_reader
from lass.config.origin import check_origin
from lass.config.registry import AUDIO_READERS, ONE_CLASS_READERS
from lass.config.rows import check_blind, check_learned, check_masks, check_networks
from lass.config.separation import AudioCounting, Packing, Residual
from lass.config.shifts import Shifts, check_shifts
from lass.data.package_settings import Packages, find_package
from lass.data.settings import (
    AUDIO_SUFFIXES,
    DESCRIPTION_SUFFIXES,
    AudioLibrarySettings,
    AudioMixtures,
    Mixing,
    MixtureDraw,
    TupleGroup,
)
from lass.data.sources import DOWNLOADS
from lass.evaluation.settings import SdrSettings, SoundSettings
from lass.methods.settings import AnyJob, BlindJob, CeilingJob, OracleJob, SupervisedJob
from lass.models.diffusion_settings import DenoiserCheck
from lass.models.separator_settings import Supervised
from lass.models.settings import AudioCodecSettings, CodecCheck
from lass.separation.settings import Measured
from lass.settings import PositiveFloat, PositiveInt, key
from lass.songs.settings import Composed


class AudioDataset(Dataset):
    """Audio: mixtures of sources of different classes, or of several of one class."""

    main: ClassVar[str] = "sdr"
    kind: Literal["audio"] = key("songs with stems, or recordings of single sources", "audio")
    source: Annotated[
        str,
        AfterValidator(partial(known_reader, readers=AUDIO_READERS)),
        Field(json_schema_extra={"enum": [*AUDIO_READERS]}),
    ] = key(
        "where the audio comes from: `composed` composes songs; the others read the folder `root`: `slakh` "
        "in Slakh's layout, `stems` a folder per song with a file per stem, `utterances` a folder per class "
        "with recordings, `packages` packages of Debian with recordings in them (docs/datasets.md)",
        ", ".join(AUDIO_READERS),
    )
    download: Literal["slakh2100_redux", "babyslakh", "musdb18_hq"] | None = key(
        "a public data set that is downloaded instead of read from `root`: only the stems of the classes are "
        "kept (docs/datasets.md has sizes and licences); `addresses` names mirrors",
        ", ".join(DOWNLOADS),
        default=None,
    )
    damaged: Literal["refuse", "skip"] = key(
        "what is done about recordings that cannot be read: `refuse` checks all of a split and fails with a "
        "list of those; `skip` leaves them out and lists them in the log of `extract_sources`",
        "refuse, skip",
        default="refuse",
    )
    sample_rate: PositiveInt = key("rate that the sources are resampled to and the networks work at", "Hz")
    composed: Composed | None = key("the songs of `source: composed`", "section", default=None)
    packages: Packages | None = key("the recordings of `source: packages`", "section", default=None)
    mixtures: AudioMixtures = key("which mixtures are separated", "section")
    codec: AudioCodecSettings = key("the codec", "section")
    likelihood: AudioCounting = key("the likelihood of counts", "section")
    residual: Residual = key("what the codec loses", "section", default_factory=Residual)
    supervised: Supervised | None = key(
        "networks that learn from mixtures, for rows that a table names", "section", default=None
    )
    shifts: Shifts | None = key("the table of shifts", "section", default=None)
    window: PositiveFloat = key(
        "length of a frame of SDR, SIR and SAR; at most that of a mixture", "s", default=1.0
    )

    pictures: PositiveInt = key(
        "mixtures in `results/{dataset}_separations.png`: more than two are hard to read",
        "mixtures",
        default=2,
    )

    @model_validator(mode="after")
    def check_source(self) -> Self:
        """Audio that can be found."""
        check_origin(self)
        return self

    @model_validator(mode="after")
    def check_classes(self) -> Self:
        """Sources of classes that there are, and classes of which there are sources."""
        check_known(self.source, self.classes)
        if len(self.classes) < 2 and self.mixtures.sources is None:
            raise ValueError(
                f"classes {self.classes} is one class: name two, or the class of every source of a "
                "mixture in mixtures.sources"
            )
        strange = sorted({*(self.mixtures.sources or [])} - set(self.classes))
        if strange:
            raise ValueError(f"mixtures.sources names {strange[0]!r}, which is none of {self.classes}")
        unused = sorted(set(self.classes) - set(self.source_classes))
        if unused:
            raise ValueError(
                f"no source of a mixture is of class {unused[0]!r} ({self.source_classes}): leave it "
                "out of classes"
            )
        if self.source in ONE_CLASS_READERS and self.mixtures.pairing == "together":
            raise ValueError(
                f"source is {self.source!r}, whose recordings have one class each: no two sources are of "
                "one recording, so set mixtures.pairing to apart"
            )
        if self.mixtures.pairing == "together" and len(set(self.source_classes)) < self.sources:
            raise ValueError(
                f"mixtures.sources {self.source_classes} has a class twice, of which a track has one source: "
                "set mixtures.pairing to apart"
            )
        return self

    @model_validator(mode="after")
    def check_lengths(self) -> Self:
        """Mixtures that are long enough for what is done with them."""
        if self.tokens < 1:
            raise ValueError(
                f"mixtures.seconds {self.mixtures.seconds} is shorter than one token of the codec"
            )
        if self.window > self.seconds:
            raise ValueError(
                f"window {self.window} is longer than a mixture of {self.seconds:g} s: shorten it or "
                "lengthen mixtures.seconds"
            )
        for table in self.tables.values():
            check_masks(self, table.rows)
        return self

    @model_validator(mode="after")
    def check_likelihoods(self) -> Self:
        """Likelihoods of audio; for rows that need it, a network that can tell the sources apart."""
        for name, decoder in self.separation.decoders.items():
            if decoder.likelihood == "frames":
                raise ValueError(
                    f"separation.decoders.{name}.likelihood is 'frames', which is for images: use 'counts' "
                    "or 'network'"
                )
        for name, table in self.tables.items():
            check_learned(self, f"tables.{name} names", table.rows)
        return self

    @model_validator(mode="after")
    def check_rows(self) -> Self:
        """Blind methods and networks only where they can work."""
        for name, table in self.tables.items():
            blind = [row for row in table.rows if self.family[row] == "blind"]
            if blind:
                check_blind(self, f"tables.{name} names {blind[0]}", blind)
            check_networks(self, f"tables.{name} names", table.rows)
        return self

    @model_validator(mode="after")
    def check_shifted(self) -> Self:
        """Shifts of rows that are in a table, and of classes that there are."""
        check_shifts(self)
        return self

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """Counts in the order of the sources only where the priors tell these apart."""
        labels = {each.source: each.label for each in self.prior_of_each_class}
        told = [labels[name] for name in self.source_classes]
        shared = sorted({name for name in told if told.count(name) > 1})
        if shared and not self.symmetric:
            raise ValueError(
                f"likelihood.symmetric is false, but {shared[0]!r} stands for several sources, which nothing "
                "tells apart: make the prior conditional or count symmetrically"
            )
        return self

    @property
    def others(self) -> Mapping[str, str]:
        """As of every kind; networks of latent blocks have names of the user's choice."""
        blocks = self.supervised.disentangled if self.supervised else {}
        return {**dict.fromkeys(blocks, "supervised"), **super().others}

    @property
    def reader(self) -> str:
        """The module that reads the folder."""
        return AUDIO_READERS[self.source]

    def places(self, split: str) -> tuple[str, ...]:
        """Where the recordings of a split are, relative to the root."""
        if self.packages:
            return tuple(
                find_package(Path(self.checked_root), name).name for name in self.packages.names(split)
            )
        held = self.folder_of(split)
        return self.folders_of_classes(held) if self.source in ONE_CLASS_READERS else (held,)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of files that count."""
        return (*AUDIO_SUFFIXES, *DESCRIPTION_SUFFIXES)

    @property
    def source_classes(self) -> list[str]:
        """The class of every source of a mixture, N."""
        return self.mixtures.sources or self.classes

    @property
    def sources(self) -> int:
        """N: sources of a mixture."""
        return len(self.source_classes)

    @property
    def weights_given(self) -> list[float] | None:
        """Alpha as configured."""
        return self.mixtures.weights

    @property
    def symmetric(self) -> bool:
        """Whether every order of the addends is counted."""
        return self.likelihood.symmetric

    @property
    def tokens(self) -> int:
        """S: tokens of a mixture."""
        return round(self.mixtures.seconds * self.sample_rate / self.codec.hop)

    @property
    def length(self) -> int:
        """T: samples of a mixture, a multiple of the hop."""
        return self.tokens * self.codec.hop

    @property
    def supervised_length(self) -> int | None:
        """Samples of a mixture that supervised networks are trained on; None where there are none."""
        return None if self.supervised is None else round(self.supervised.seconds * self.sample_rate)

    @property
    def network_length(self) -> int | None:
        """Samples of a mixture that the learned likelihood is trained on; None where there is none."""
        network = self.likelihood.network
        return (
            None
            if network is None
            else round(network.seconds * self.sample_rate / self.codec.hop) * self.codec.hop
        )

    def checkpoint_of(self, name: Measured) -> str | None:
        """As of every kind."""
        network = self.likelihood.network
        given = {"residual": self.residual.checkpoint, "network": network.checkpoint if network else None}
        return given.get(name)

    def packing(self, name: str) -> Packing:
        """As of every kind; ValueError where a preset asks for a network that there cannot be."""
        packing = super().packing(name)
        check_learned(self, "model.presets has", list(packing.presets.methods.values()))
        return packing

    @property
    def seconds(self) -> float:
        """Length of a mixture of whole tokens."""
        return self.length / self.sample_rate

    @property
    def check_codec(self) -> CodecCheck:
        """What a codec has to agree on."""
        return CodecCheck(hop=self.codec.hop, rate=self.sample_rate)

    @property
    def denoiser_check(self) -> DenoiserCheck:
        """What a denoiser has to agree on."""
        return DenoiserCheck(rate=self.sample_rate)

    @property
    def library(self) -> AudioLibrarySettings:
        """What every reader of the sources has to know."""
        return AudioLibrarySettings(rate=self.sample_rate, classes=tuple(self.classes))

    @property
    def metric(self) -> SdrSettings:
        """How estimates are scored."""
        return SdrSettings(rate=self.sample_rate, window=self.window)

    @property
    def medium(self) -> SoundSettings:
        """What the sources are to eyes and ears."""
        return SoundSettings(rate=self.sample_rate)

    @property
    def strength(self) -> float:
        """Frames that the mean of a class counts for in what the codec loses."""
        return self.residual.strength

    @property
    def splits_to_evaluate(self) -> list[str]:
        """Splits on which the priors are measured."""
        return ["validation"]

    @property
    def numbers(self) -> int:
        """T: samples of a mixture."""
        return self.length

    @property
    def mixing(self) -> Mixing:
        """What is mixed, and how loud."""
        return Mixing(sources=tuple(self.source_classes), weights=tuple(self.weights))

    def drawing(self, split: str, *, seed: int) -> MixtureDraw:
        """Which mixtures of a split are drawn."""
        return MixtureDraw(
            mixing=self.mixing,
            length=self.length,
            pairing=self.mixtures.pairing,
            silence=self.mixtures.silence,
            count=self.mixtures.count.of(split),
            seed=seed,
        )

    @property
    def group(self) -> TupleGroup:
        """How the tuples that are counted are grouped."""
        return TupleGroup(mixtures=self.likelihood.mixtures_per_group, tokens=self.likelihood.tokens)

    def method_job(self, method: str, *, seed: int) -> AnyJob:
        """What a method is told, whatever its family."""
        family = self.family[method]
        if family == "latent":
            return self.latent_job(method)
        if family == "diffusion":
            return self.diffusion_job(method, seed=seed)
        if family == "blind":
            return BlindJob(name=method, rate=self.sample_rate, seed=seed)
        if family == "supervised":
            kind = self.supervised.kind(method) if self.supervised else method
            return SupervisedJob(name=kind, classes=self.source_classes, rate=self.sample_rate)
        if family == "ceiling":
            return CeilingJob(codec=self.check_codec)
        return OracleJob(name=method, rate=self.sample_rate)
