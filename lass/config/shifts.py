"""The table of shifts: how much worse methods are on mixtures that differ from what they learnt from."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lass.data.shift_settings import Shift
from lass.settings import Identifier, Section, WithoutNulls, key

if TYPE_CHECKING:
    from lass.config.audio import AudioDataset

PREFIX = "shifted_"
"""Of the name of a split of shifted test mixtures."""
PLAYED = "played_"
"""The same where songs are composed for other instruments: other rules make it."""
UNSHIFTED = "none"
"""What the table calls the mixtures as they are (`lass.evaluation.tables.shifts`)."""


class Shifts(Section):
    """What `results/{dataset}_shifts.csv` is about: every method on the test mixtures, shifted or not."""

    rows: Annotated[dict[Identifier, Annotated[list[Identifier], Field(min_length=1)]], WithoutNulls] = key(
        "its rows, under names of your choice: the method of each, which a table names, too. Several, such "
        "as networks that differ in their seed alone, are one row, with a standard error over them",
        "names",
    )
    kinds: Annotated[dict[Identifier, Shift], WithoutNulls] = key(
        "the shifts, under names of your choice", "sections"
    )

    @property
    def splits(self) -> dict[str, Shift]:
        """The shifts by the name of their split."""
        return {
            f"{PLAYED if shift.soundfonts else PREFIX}{name}": shift for name, shift in self.kinds.items()
        }

    @property
    def methods(self) -> list[str]:
        """Every method once, in order."""
        return list(dict.fromkeys(name for methods in self.rows.values() for name in methods))


def check_shifts(dataset: "AudioDataset") -> None:
    """ValueError for rows that no table has, a taken name, strange levels, instruments of given songs."""
    shifts = dataset.shifts
    if shifts is None:
        return
    if "shifts" in dataset.tables:
        raise ValueError("tables.shifts: the name is taken by the section shifts, choose another")
    if UNSHIFTED in shifts.kinds:
        raise ValueError(
            f"shifts.kinds.{UNSHIFTED}: the name stands for the mixtures as they are, choose another"
        )
    rows = {row for table in dataset.tables.values() for row in table.rows}
    unknown = sorted(set(shifts.methods) - rows)
    if unknown:
        raise ValueError(f"shifts.rows names {unknown[0]}, which no table does: add it to the rows of one")
    for name, shift in shifts.kinds.items():
        strange = sorted(set(shift.levels) - set(dataset.classes))
        if strange:
            raise ValueError(
                f"shifts.kinds.{name}.levels names {strange[0]!r}, which is none of the classes "
                f"{dataset.classes}"
            )
    played = [name for name, shift in shifts.kinds.items() if shift.soundfonts]
    if played and dataset.source != "composed":
        raise ValueError(f"shifts.kinds.{played[0]}.soundfonts needs source: composed: leave it out")
