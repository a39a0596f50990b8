"""The table of shifts: how much worse methods are on mixtures that differ from what they learnt from."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from lass.data.shift_settings import Shift
from lass.settings import Identifier, Section, WithoutNulls, key

PREFIX = "shifted_"
"""Of the name of a split of shifted test mixtures."""
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
        return {f"{PREFIX}{name}": shift for name, shift in self.kinds.items()}

    @property
    def methods(self) -> list[str]:
        """Every method once, in order."""
        return list(dict.fromkeys(name for methods in self.rows.values() for name in methods))


def check_shifts(
    shifts: Shifts | None, *, tables: Collection[str], methods: Collection[str], composed: bool
) -> None:
    """ValueError for rows that no table has, a name that is taken, or instruments of songs that exist."""
    if shifts is None:
        return
    if "shifts" in tables:
        raise ValueError("tables.shifts: the name is taken by the section shifts, choose another")
    if UNSHIFTED in shifts.kinds:
        raise ValueError(
            f"shifts.kinds.{UNSHIFTED}: the name stands for the mixtures as they are, choose another"
        )
    unknown = sorted(set(shifts.methods) - set(methods))
    if unknown:
        raise ValueError(f"shifts.rows names {unknown[0]}, which no table does: add it to the rows of one")
    played = [name for name, shift in shifts.kinds.items() if shift.soundfonts]
    if played and not composed:
        raise ValueError(f"shifts.kinds.{played[0]}.soundfonts needs source: composed: leave it out")
