"""Metrics, as the configuration names them; without torch."""

from typing import Annotated, Literal

from pydantic import Field

from lass.settings import PositiveFloat, PositiveInt, Section, key


class SdrSettings(Section):
    """SDR, SIR and SAR of audio."""

    kind: Literal["sdr"] = "sdr"
    rate: PositiveInt = key("rate of the estimates", "Hz")
    window: PositiveFloat = key("length of a frame", "s")


class PsnrSettings(Section):
    """PSNR of images."""

    kind: Literal["psnr"] = "psnr"


MetricSettings = Annotated[SdrSettings | PsnrSettings, Field(discriminator="kind")]
