"""How separations are scored, and what their sources are; without torch."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from lass.settings import PositiveFloat, PositiveInt, Section, key


class SdrSettings(Section):
    """Audio: the signal-to-distortion ratio and its kin (the paper's Table 5)."""

    kind: Literal["sdr"] = "sdr"
    rate: PositiveInt = key("samples per second of the sources", "Hz")
    window: PositiveFloat = key(
        "length of a frame of the SDR and distance of two; a mixture's score is the median over its frames",
        "s",
        default=1.0,
    )


class PsnrSettings(Section):
    """Images: the peak signal-to-noise ratio (the paper's Tables 2 and 3)."""

    kind: Literal["psnr"] = "psnr"


MetricSettings = Annotated[SdrSettings | PsnrSettings, Field(discriminator="kind")]


class SoundSettings(Section):
    """Sources to listen to: drawn as spectrograms, written as FLAC."""

    kind: Literal["sound"] = "sound"
    rate: PositiveInt = key("samples per second", "Hz")


class PictureSettings(Section):
    """Sources to look at: drawn side by side, written as PNG."""

    kind: Literal["picture"] = "picture"
    image: tuple[PositiveInt, PositiveInt, PositiveInt] = key(
        "1 colour for grey or 3 for red, green and blue; rows; columns", "colours and pixels"
    )


MediumSettings = Annotated[SoundSettings | PictureSettings, Field(discriminator="kind")]

METRIC_SETTINGS: TypeAdapter[SdrSettings | PsnrSettings] = TypeAdapter(MetricSettings)
MEDIUM_SETTINGS: TypeAdapter[SoundSettings | PictureSettings] = TypeAdapter(MediumSettings)
"""They read what the workflow hands to a job."""
