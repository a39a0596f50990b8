"""Where the data of a run come from, and which mixtures are made of them; without torch."""

from typing import Annotated, Literal

from pydantic import Field

from lass.settings import Factor, Identifier, Natural, PositiveFloat, PositiveInt, Section, key

AUDIO_READERS = {
    "composed": "lass.data.audio.slakh",  # composed here, in Slakh's layout
    "slakh": "lass.data.audio.slakh",
    "stems": "lass.data.audio.stems",
    "utterances": "lass.data.audio.utterances",
}
"""Value of `source` of an audio data set -> the module that reads such a folder."""
IMAGE_READERS = {"mnist": "lass.data.images.mnist", "folder": "lass.data.images.folders"}
"""Value of `source` of an image data set -> the module that reads such files."""


class MixtureCounts(Section):
    """Mixtures per split."""

    validation: PositiveInt | None = key(
        "mixtures of the validation split; null takes all (audio only)", "mixtures"
    )
    test: PositiveInt | None = key("mixtures of the test split; null takes all (audio only)", "mixtures")


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
        "as in the paper",
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
        "a source is silent where its norm over its number of samples is below this: left out",
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


class AudioLibrarySettings(Section):
    """What every reader of audio sources has to know about them."""

    kind: Literal["audio"] = "audio"
    rate: int  # Hz
    classes: list[str]


class ImageLibrarySettings(Section):
    """What every reader of images has to know about them."""

    kind: Literal["images"] = "images"
    image: tuple[int, int, int]  # colours, rows, columns
    classes: list[str]


LibrarySettings = Annotated[AudioLibrarySettings | ImageLibrarySettings, Field(discriminator="kind")]
