"""How test mixtures are shifted away from what methods learnt from; without torch or numpy."""

from typing import Annotated, Self

from pydantic import model_validator

from lass.settings import Identifier, PositiveFloat, Section, WithoutNulls, key


class Shift(Section):
    """One way in which the test mixtures are altered; nothing is learnt from it.

    Sources are altered by what is said here, in this order. A room and noise are in the mixture alone: the
    sources that estimates are compared with stay dry and clean.
    """

    semitones: float = key(
        "how much higher everything sounds, by playing it faster; what is short of the length begins anew. "
        "The mixtures are of the same music, of which as much more or less fits into their length",
        "semitones",
        default=0.0,
    )
    levels: Annotated[dict[Identifier, float], WithoutNulls] = key(
        "how much louder sources are, by class", "dB", default_factory=dict
    )
    tilt: float = key("gain per octave above `corner`", "dB", default=0.0)
    corner: PositiveFloat = key("where the tilt begins", "Hz", default=1000.0)
    lowpass: PositiveFloat | None = key("corner of a low-pass filter of 48 dB per octave", "Hz", default=None)
    room: PositiveFloat | None = key(
        "time in which a room's sound, 6 dB under the direct sound, falls by 60 dB", "s", default=None
    )
    noise: float | None = key("how far white noise is below the mixture", "dB", default=None)
    soundfonts: list[str] = key(
        "of composed songs: SoundFont 2 files and folders of drum kits that play the test songs instead, as "
        "`composed.soundfonts` has it; nothing else may be shifted then",
        "paths",
        default_factory=list,
    )

    @model_validator(mode="after")
    def check(self) -> Self:
        """Something that is shifted; instruments by themselves."""
        said = sorted(self.model_fields_set - {"corner"})
        if not said:
            raise ValueError("nothing is shifted: name one of " + ", ".join(sorted(type(self).model_fields)))
        if self.soundfonts and said != ["soundfonts"]:
            raise ValueError(
                f"soundfonts play other songs, so leave out {', '.join(set(said) - {'soundfonts'})}"
            )
        return self
