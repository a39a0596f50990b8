"""Where the data of a run come from, and which mixtures are made of them; without torch."""

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from lass.settings import Factor, Identifier, Natural, PositiveFloat, PositiveInt, Section, key

Classes = Annotated[tuple[Identifier, ...], Field(min_length=1)]


class AudioLibrarySettings(Section):
    """What the extracted recordings of a split are."""

    kind: Literal["audio"] = "audio"
    rate: PositiveInt = key("rate of the samples", "Hz")
    classes: Classes = key("the classes of the data set, in order", "names")


class ImageLibrarySettings(Section):
    """What the prepared images of a split are."""

    kind: Literal["images"] = "images"
    image: tuple[PositiveInt, PositiveInt, PositiveInt] = key("colours, rows and columns", "C, H, W")
    classes: Classes = key("the classes of the data set, in order", "names")


LibrarySettings = Annotated[AudioLibrarySettings | ImageLibrarySettings, Field(discriminator="kind")]
"""What `lass.data.library.open_library` has to know of a folder of prepared sources."""
LIBRARY_SETTINGS: TypeAdapter[AudioLibrarySettings | ImageLibrarySettings] = TypeAdapter(LibrarySettings)
"""Reads them from what the workflow hands to a job: `LIBRARY_SETTINGS.validate_python(params.library)`."""


AUDIO_SUFFIXES = (
    ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".aiff", ".aif", ".aifc", ".caf", ".au", ".snd",
    ".ogg", ".oga", ".opus", ".mp3",
)  # fmt: skip
"""What recordings are called that are read, in capitals or not."""
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
"""What pictures are called that are read."""
DESCRIPTION_SUFFIXES = (".yaml",)
"""What files are called that say which recordings are which."""


class Contents(Section):
    """Which files of a user's folder a split is read from."""

    root: str = key("the folder", "path")
    places: tuple[str, ...] = key("files in it, and folders whose files at any depth count", "paths")
    suffixes: tuple[str, ...] = key("of files in these folders that count", "suffixes")
    record: str = key("file that keeps what is known of them; without it they are taken for new ones", "path")


class Mixing(Section):
    """What is mixed, and how loud: y is the sum of alpha_n x_n."""

    sources: Classes | None = key(
        "class of every source, which may repeat; null: one of every class (audio), any class (images)",
        "names",
        default=None,
    )
    weights: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = key(
        "alpha, one number per source", "factor"
    )

    @model_validator(mode="after")
    def check_weights(self) -> Self:
        """One weight per source."""
        if self.sources is not None and len(self.sources) != len(self.weights):
            raise ValueError(f"{len(self.weights)} weights for the sources {self.sources}: give one for each")
        return self


class MixtureDraw(Section):
    """Which mixtures of a split are drawn."""

    mixing: Mixing = key("what is mixed", "section")
    length: PositiveInt | None = key(
        "T of a mixture of audio; null where items are mixed whole (images)", "samples", default=None
    )
    pairing: Literal["together", "apart"] = key(
        "as in `AudioMixtures`; images are of different items in any case", "together, apart", default="apart"
    )
    silence: Factor = key(
        "a source of audio is silent where its norm over its number of samples is below this, its mean taken "
        "away",
        "amplitude",
        default=0.0,
    )
    count: PositiveInt | None = key("mixtures; null takes all (audio only)", "mixtures", default=None)
    seed: int = key("of the choice", "number")


class TupleGroup(Section):
    """How the random tuples that are counted are grouped: a group is the unit of work of a job."""

    mixtures: PositiveInt = key("mixtures per group", "mixtures")
    tokens: PositiveInt | None = key(
        "tokens per mixture that are counted; null: all of an image's", "tokens", default=None
    )


class MixtureCounts(Section):
    """Mixtures per split."""

    validation: PositiveInt | None = key(
        "mixtures of the validation split; null takes all (audio only)", "mixtures"
    )
    test: PositiveInt | None = key("mixtures of the test split; null takes all (audio only)", "mixtures")

    def of(self, split: str) -> int | None:
        """Mixtures of a split; one that is neither is a shifted test split."""
        return self.validation if split == "validation" else self.test


class AudioMixtures(Section):
    """Which mixtures of audio are separated."""

    seconds: PositiveFloat = key(
        "length of a mixture, rounded to whole tokens; also the context of the priors", "s"
    )
    sources: Annotated[list[Identifier], Field(min_length=2)] | None = key(
        "class of every source of a mixture, such as [speech, speech]; null: one of every class",
        "names",
        default=None,
    )
    pairing: Literal["together", "apart"] = key(
        "`together`: the sources of a mixture are of one track and moment. `apart`: each is of another item, "
        "as the paper is read here",
        "together, apart",
        default="together",
    )
    weights: list[PositiveFloat] | None = key(
        "alpha, one number per source: y is the sum of alpha_n x_n; null is 1/N each. Unequal ones need "
        "`likelihood.symmetric: false` and no blind methods",
        "factor",
        default=None,
    )
    silence: Factor = key(
        "a source is silent where its norm over its number of samples is below this, its mean taken away; "
        "such chunks are left out",
        "amplitude",
        default=1.5e-5,
    )
    count: MixtureCounts = key("mixtures per split", "section")


class ImageMixtures(Section):
    """Which mixtures of images are separated."""

    sources: Annotated[int, Field(ge=2)] = key("N, images in a mixture, of any class", "images", default=2)
    weights: list[PositiveFloat] | None = key(
        "alpha, N equal numbers; null is 1/N each", "factor", default=None
    )
    count: MixtureCounts = key("mixtures per split, the first of an endless list", "section")


class Augmentation(Section):
    """Random affine copies of training images."""

    copies: Natural = key("altered copies of every training image that the priors learn from", "copies")
    rotation: Factor = key("standard deviation of their rotation; the codec sees such copies, too", "degrees")
    scale: Factor = key("standard deviation of the logarithm of their size", "nepers")
    shear: Factor = key("standard deviation of their shear", "factor")
