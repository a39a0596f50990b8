"""What songs are composed, and how they are played; without torch or numpy."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from lass.settings import Factor, PositiveFloat, PositiveInt, Section, key

Chance = Annotated[float, Field(ge=0, le=1)]
LAYERED = 0.2  # share of the stems that two instruments play


class SongCounts(Section):
    """Songs per split."""

    train: PositiveInt = key("songs composed for training and counting", "songs")
    validation: PositiveInt = key("songs composed for validation", "songs")
    test: PositiveInt = key("songs composed for the test mixtures", "songs")


class Alterations(Section):
    """How stems are altered at random; every strength is drawn between nothing and what is said here."""

    tuning: Factor = key("how far an instrument is tuned up or down", "semitones", default=0.5)
    drum_tuning: Factor = key("how far a drum kit is tuned up or down", "semitones", default=3.0)
    tempo: Chance = key("how much faster or slower songs are than their style", "share", default=0.25)
    balance: Factor = key("how much louder or softer each drum of a kit is", "dB", default=6.0)
    layers: Chance | None = key(
        "stems that two instruments of `composed.soundfonts` play at once; null is 0.2 where these name any, "
        "and without them there is nothing to draw a second one from",
        "share",
        default=None,
    )
    level: Factor = key("how much louder or softer each stem is", "dB", default=8.0)
    chance: Chance = key("stems to which each of the effects below is applied", "share", default=0.4)
    equaliser: Factor = key("gain of the equaliser, which every stem goes through", "dB", default=10.0)
    drive: Factor = key("how far a stem is driven into a soft limit", "dB", default=15.0)
    ratio: Annotated[float, Field(ge=1)] = key("ratio of the compressor", "ratio", default=5.0)
    room: Annotated[float, Field(ge=0.05)] = key(
        "time in which a room's sound falls by 60 dB", "s", default=0.8
    )
    wet: Annotated[float, Field(ge=0.02)] = key("level of the room's sound", "ratio", default=0.5)
    lowest_cut: PositiveFloat = key("lowest corner of the low-pass filter", "Hz", default=1500.0)
    noise: Factor = key("how far the loudest hiss is below the stem", "dB", default=30.0)

    @property
    def layered(self) -> float:
        """Share of the stems that two instruments play, where there are some to draw from."""
        return LAYERED if self.layers is None else self.layers


class Composed(Section):
    """The songs of `source: composed`."""

    songs: SongCounts = key("songs per split", "section")
    seconds: PositiveFloat = key("length of a composed song", "s")
    soundfonts: list[str] = key(
        "SoundFont 2 files beside the one that comes with the project, and folders of drum kits of Hydrogen: "
        "kits and basses are drawn from all of them, whatever the style. Empty plays the songs on the "
        "instruments of their style",
        "paths",
        default_factory=list,
    )
    alterations: Alterations | None = key(
        "effects that every stem goes through at random, so that what is trained on the songs carries over "
        "to others; null leaves the stems alone",
        "section",
        default=None,
    )

    @model_validator(mode="after")
    def check_layers(self) -> Self:
        """Two instruments at once only where there are some to draw from."""
        if self.alterations is not None and self.alterations.layers and not self.soundfonts:
            raise ValueError(
                f"alterations.layers is {self.alterations.layers}, but soundfonts is empty, and each style "
                "has one instrument for a part: name SoundFonts in soundfonts, or leave layers out"
            )
        return self

    def check_soundfonts(self, where: str = "composed.soundfonts") -> None:
        """Raise FileNotFoundError that names the first of `soundfonts`, of `where`, that is not there."""
        for given in self.soundfonts:
            path = Path(given).expanduser()
            if not path.exists():
                raise FileNotFoundError(
                    f"{where} names {given!r}, but {path.absolute()} does not exist: correct the "
                    "path (a relative one starts at the working directory), or install it"
                )
