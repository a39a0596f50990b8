"""How test mixtures are shifted away from what methods learnt from; without torch or numpy."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from lass.settings import Identifier, PositiveFloat, Section, WithoutNulls, key

Gain = Annotated[float, Field(ge=-120, le=120)]


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
        ge=-24,
        le=24,
    )
    levels: Annotated[dict[Identifier, Gain], WithoutNulls] = key(
        "how much louder sources are, by class", "dB", default_factory=dict
    )
    tilt: float = key("gain per octave above `corner`", "dB", default=0.0, ge=-60, le=60)
    corner: PositiveFloat = key("where the tilt begins", "Hz", default=1000.0)
    lowpass: PositiveFloat | None = key("corner of a low-pass filter of 48 dB per octave", "Hz", default=None)
    room: PositiveFloat | None = key(
        "time in which a room's sound, 6 dB under the direct sound, falls by 60 dB", "s", default=None, le=60
    )
    noise: float | None = key("how far white noise is below the mixture", "dB", default=None, ge=-60, le=120)
    soundfonts: list[str] = key(
        "of composed songs: SoundFont 2 files and folders of drum kits that play the test songs instead, as "
        "`composed.soundfonts` has it; nothing else may be shifted then",
        "paths",
        default_factory=list,
    )

    @model_validator(mode="after")
    def check(self) -> Self:
        """Something that is shifted; instruments by themselves."""
        names = sorted(set(type(self).model_fields) - {"corner"})
        said = [name for name in names if self._alters(name)]
        if not said:
            raise ValueError(f"nothing is shifted: name one of {', '.join(names)}, and not as it is anyway")
        beside = [name for name in said if name != "soundfonts"]
        if self.soundfonts and beside:
            raise ValueError(f"soundfonts play other songs, so leave out {', '.join(beside)}")
        return self

    def _alters(self, name: str) -> bool:
        """Whether a key says anything: noise at 0 dB is as loud as the mixture, all else at 0 nothing."""
        value = getattr(self, name)
        if isinstance(value, dict):
            return any(value.values())
        return value is not None if name == "noise" else bool(value)
