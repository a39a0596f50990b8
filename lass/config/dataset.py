"""What data sets of every kind have in common, and what the workflow asks of one.

A data set is a union by `kind`: `lass.config.audio` and `lass.config.images`. Both answer the same questions:
only the rules that bring the data in are different ones for each kind.
"""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from lass.bundle.settings import Unpacked
from lass.config.diffusion import WithDiffusion
from lass.config.packing import default_packing, packed_model
from lass.config.registry import MEANINGS, METHODS, WITHOUT_NETWORK
from lass.config.separation import (
    Counting,
    Packing,
    Priors,
    Separation,
    Tables,
    check_chosen_priors,
    check_mixing,
    check_names,
    check_packing,
    check_tables,
)
from lass.data.settings import (
    AudioLibrarySettings,
    Augmentation,
    ImageLibrarySettings,
    Mixing,
    MixtureDraw,
    TupleGroup,
)
from lass.evaluation.settings import PictureSettings, PsnrSettings, SdrSettings, SoundSettings
from lass.likelihood.settings import TupleOrigin
from lass.methods.settings import AnyJob, DecodingJob, LatentJob
from lass.models.settings import CodecCheck, CodecSettings, PriorOfClass
from lass.pages.settings import PageJob
from lass.separation.settings import Measured, check_hop
from lass.settings import PositiveInt, Section, key

AnyLibrary = AudioLibrarySettings | ImageLibrarySettings
AnyMetric = SdrSettings | PsnrSettings
AnyMedium = SoundSettings | PictureSettings


class Dataset(WithDiffusion):
    """Everything about one data set."""

    main: ClassVar[str]  # the table that figures and times are about; the metric's name
    kind: str
    pictures: PositiveInt
    codec: CodecSettings
    likelihood: Counting
    priors: Priors = key(
        "the priors, under names of your choice; those that no class has are not trained", "sections"
    )
    separation: Separation = key("decoders and methods", "section")
    evaluated_windows: PositiveInt = key(
        "windows of unseen data in which the priors' nats per token are measured", "windows", default=128
    )
    tables: Tables = key("tables of results, under names of your choice", "sections")
    model: Packing | None = key(
        "the model that the run is packed into; null: it can be packed under the name of the data set, "
        "with the method whose row comes last in the main table",
        "section",
        default=None,
    )

    @model_validator(mode="after")
    def check_parts(self) -> Self:
        """Mixtures, methods and tables fit together."""
        check_mixing(
            self.weights_given, sources=self.sources, codes=self.codec.codes, symmetric=self.symmetric
        )
        check_chosen_priors(self.separation.priors, self.priors, classes=self.classes)
        for name, decoder in self.separation.decoders.items():
            check_hop(decoder, self.check_codec.hop, where=f"separation.decoders.{name}")
        check_packing(self.model, methods=[*self.separation.methods, *self.diffusion_methods])
        check_names(self.separation.methods, others=self.others, where="separation.methods")
        others = {**self.others, **dict.fromkeys(self.separation.methods, "latent")}
        check_names(self.diffusion_methods, others=others, where="diffusion.methods")
        self.check_solvers(self.sources)
        check_tables(self.tables, methods=self.family, main=self.main)
        self.check_denoisers()
        return self

    @property
    def named(self) -> set[str]:
        """As of every data set with diffusion priors."""
        rows = {row for table in self.tables.values() for row in table.rows}
        return rows | set(self.model.presets.methods.values() if self.model else ())

    @property
    @abstractmethod
    def reader(self) -> str:
        """The module that reads the folder or the files."""

    @property
    @abstractmethod
    def library(self) -> AnyLibrary:
        """What every reader of the prepared sources has to know."""

    @property
    @abstractmethod
    def metric(self) -> AnyMetric:
        """How estimates are scored."""

    @property
    @abstractmethod
    def medium(self) -> AnyMedium:
        """What the sources are to eyes and ears."""

    @property
    @abstractmethod
    def mixing(self) -> Mixing:
        """What is mixed, and how loud."""

    @abstractmethod
    def drawing(self, split: str, *, seed: int) -> MixtureDraw:
        """Which mixtures of a split are drawn."""

    @property
    @abstractmethod
    def group(self) -> TupleGroup:
        """How the tuples that are counted are grouped."""

    @property
    @abstractmethod
    def splits_to_evaluate(self) -> list[str]:
        """Splits on which the priors are measured."""

    @property
    @abstractmethod
    def source_classes(self) -> list[str]:
        """The class of every source of a mixture; all classes, where sources may be of any."""

    @abstractmethod
    def method_job(self, method: str, *, seed: int) -> AnyJob:
        """What a method is told, whatever its family."""

    @property
    @abstractmethod
    def sources(self) -> int:
        """N: sources of a mixture."""

    @property
    @abstractmethod
    def weights_given(self) -> list[float] | None:
        """Alpha as configured."""

    @property
    @abstractmethod
    def symmetric(self) -> bool:
        """Whether every order of the addends is counted."""

    @property
    @abstractmethod
    def tokens(self) -> int:
        """S: tokens of a mixture."""

    @property
    @abstractmethod
    def check_codec(self) -> CodecCheck:
        """What a codec has to agree on."""

    def check_given_codec(self, path: Path) -> None:
        """ValueError where the codec at `path` does not agree with this data set, or is none."""
        from lass.models.given import check_given_codec  # noqa: PLC0415 (numpy, which no dry run needs)

        check_given_codec(path, self.check_codec)

    @property
    def weights(self) -> list[float]:
        """Alpha: as configured, else 1 / N each."""
        return self.weights_given or [1 / self.sources] * self.sources

    @property
    def prior_of_each_class(self) -> list[PriorOfClass]:
        """The prior of each class, in the order of the classes."""
        chosen = [(source, self.separation.priors[source]) for source in self.classes]
        return [
            PriorOfClass(
                source=source,
                prior=name,
                classes=self.priors[name].classes,
                conditional=self.priors[name].conditional,
            )
            for source, name in chosen
        ]

    @property
    def others(self) -> Mapping[str, str]:
        """Name of every method that no section of `separation.methods` is about -> its family."""
        return METHODS[self.kind]

    @property
    def family(self) -> Mapping[str, str]:
        """Name of every method -> its family."""
        latent = dict.fromkeys(self.separation.methods, "latent")
        return {**self.others, **latent, **dict.fromkeys(self.diffusion_methods, "diffusion")}

    def runs_network(self, method: str) -> bool:
        """Whether a method runs a network, so that its job asks for a device."""
        return self.family[method] not in WITHOUT_NETWORK

    def labels(self, method: str) -> dict[str, str]:
        """Class -> label: estimates of sources of equal labels may change places when they are scored.

        Blind methods do not know the classes, nor does one unconditional prior of several classes.
        """
        family = self.family[method]
        if family == "blind":
            return dict.fromkeys(self.classes, "any")
        if family == "latent":
            return {each.source: each.label for each in self.prior_of_each_class}
        if family == "diffusion":
            return {each.source: each.label for each in self.denoiser_of_each_class}
        return {name: name for name in self.classes}

    def decoding_job(self, decoder: str, *, seed: int) -> DecodingJob:
        """What draws the candidates of a decoder; nothing is told that it does not ask for."""
        settings, origin = self.separation.decoders[decoder], self.tuple_origin
        if not settings.uses_counts:
            origin = origin.model_copy(update={"tuples": None})
        return DecodingJob(
            decoder=settings,
            codec=self.check_codec,
            precision=self.separation.precision,
            priors=self.prior_of_each_class if settings.uses_priors else [],
            counted_from=origin,
            positions=self.tokens,
            noise=self.noise,
            batch=self.separation.batch,
            seed=seed,
        )

    @property
    def tuple_origin(self) -> TupleOrigin:
        """What the likelihood is counted from."""
        mixing = self.mixing
        return TupleOrigin(
            sources=mixing.sources or tuple(self.classes),
            weights=mixing.weights,
            tuples=self.likelihood.tuples,
        )

    def beside_codec(self, checkpoint: str | None) -> str | None:
        """`checkpoint`, where it lies in the folder of the codec's or below: it was made of its codes."""
        codec = self.codec.checkpoint
        together = codec and checkpoint and Path(codec).parent in Path(checkpoint).parents
        return checkpoint if together else None

    def checkpoint_of(self, name: Measured) -> str | None:  # noqa: ARG002 (audio answers by name)
        """The configured file of what methods ask for beside the table of counts; None where none is."""
        return None

    def latent_job(self, method: str) -> LatentJob:
        """What makes estimates of the candidates of a method's decoder."""
        estimation = self.separation.methods[method].estimation
        return LatentJob(
            codec=self.check_codec,
            precision=self.separation.precision,
            classes=self.classes,
            labels=self.labels(method),
            weights=self.weights,
            bounds=self.bounds,
            estimation=estimation,
            strength=self.strength if estimation.consistency == "residual" else None,
        )

    def packing(self, name: str) -> Packing:
        """The model that the run of the data set `name` is packed into: as configured, or by its name."""
        return self.model or default_packing(self, name)

    def packed(self, name: str) -> Unpacked:
        """All that this model needs to separate, but for its files and results."""
        return packed_model(self, self.packing(name))

    @property
    @abstractmethod
    def numbers(self) -> int:
        """T: samples of a mixture, or numbers of an image."""

    @property
    def noise(self) -> float | None:
        """What the likelihood of frames adds to their spread; None where there is no such likelihood."""
        return None

    @property
    def strength(self) -> float | None:
        """Frames that the mean of a class counts for in what the codec loses; None where nobody asks."""
        return None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of every number of a source; None for none."""
        return None

    @property
    def pictured(self) -> list[str]:
        """Methods to look at and to listen to: those of the main table, less the ones that change nothing."""
        return self.pictured_of(self.main)

    def pictured_of(self, table: str) -> list[str]:
        """The same of another table."""
        return [name for name in self.tables[table].rows if name not in ("mixture", "average")]

    def page_job(self, table: str) -> PageJob:
        """What the page of a table has to know."""
        labels = {name: self.labels(name) for name in self.pictured_of(table)}
        meanings = {name: MEANINGS[name] for name in self.tables[table].rows if name in MEANINGS}
        told: dict[str, Any] = {"labels": labels, "meanings": meanings}
        return PageJob(library=self.library, metric=self.metric, medium=self.medium, **told)

    @property
    def shown_decoder(self) -> str:
        """The decoder whose candidates are drawn: that of the first row by one in the main table."""
        methods = self.separation.methods
        rows = [name for name in self.tables[self.main].rows if name in methods] or list(methods)
        return self.separation.methods[rows[0]].decoder

    def altered(self, split: str) -> Augmentation | None:  # noqa: ARG002 (images answer by split)
        """How copies of the items of a split are altered; None for not at all."""
        return None

    @property
    def altered_examples(self) -> Any:
        """How the codec's training examples are altered, whatever number of copies the priors learn from."""
        return None

    def dump(self, *names: str) -> Any:
        """A part of the settings as plain values, in the models' order of keys."""
        part: Any = self
        for name in names:
            part = part[name] if isinstance(part, dict) else getattr(part, name)
        return part.model_dump(mode="json") if isinstance(part, Section) else part
