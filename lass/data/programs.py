"""The classes of sources that Slakh's layout can tell: families of General MIDI programs."""

from collections.abc import Sequence

DRUM_PROGRAM = 128
_FAMILIES = (
    "piano", "chromatic_percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "synth_lead", "synth_pad", "synth_effects", "ethnic", "percussive", "sound_effects",
)  # fmt: skip

SOURCE_PROGRAMS: dict[str, frozenset[int]] = {"drums": frozenset({DRUM_PROGRAM})} | {
    family: frozenset(range(8 * index, 8 * index + 8)) for index, family in enumerate(_FAMILIES)
}
"""Class of a source -> General MIDI programs, counted from 0; drums are every stem with `is_drum`, too."""


def check_programs(classes: Sequence[str]) -> None:
    """ValueError, naming the first, where one of the `classes` is none of these."""
    unknown = [name for name in classes if name not in SOURCE_PROGRAMS]
    if unknown:
        known = ", ".join(sorted(SOURCE_PROGRAMS))
        raise ValueError(
            f"classes: source class {unknown[0]!r} is unknown in Slakh's layout: use some of {known}"
        )
