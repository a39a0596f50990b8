"""What every module of settings is made of: a frozen section whose keys say what they mean.

Settings are typed once, in modules that import no torch (`lass.separation.settings`, `lass.models.settings`,
`lass.methods.settings`, `lass.data.settings`, `lass.songs.settings`). The configuration is composed of them,
the workflow hands them to its jobs, and the library takes them as they are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Chosen = Literal["float32", "bfloat16"]
"""The precision of matrix products, as a job uses it."""
Precision = Literal["auto", "float32", "bfloat16"]
"""The same as it is configured: with `auto` the machine that runs the job decides."""


class Section(BaseModel):
    """A section of the settings: immutable, without unknown keys, NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Computed(Section):
    """In which precision numbers were computed, and on what: files of results carry it in their headers."""

    precision: Chosen
    device: str  # CPU, or the name of a GPU


def key(description: str, unit: str, **bounds: Any) -> Any:
    """A key of a section: what it means, and its unit, as the reference of the configuration prints them.

    `bounds` are arguments of pydantic's `Field`, such as `default` or `ge`.
    """
    return Field(description=description, json_schema_extra={"unit": unit}, **bounds)


def _without_nulls(entries: Any) -> Any:
    return {k: v for k, v in entries.items() if v is not None} if isinstance(entries, Mapping) else entries


WithoutNulls = BeforeValidator(_without_nulls)
"""Leaves out entries that are null, so that overrides can take away what the default names."""


def distinct_names(classes: Sequence[str]) -> list[str]:
    """The classes, those that repeat numbered: `speech, noise, speech` to `speech_1, noise, speech_2`."""
    total, seen, names = Counter(classes), Counter[str](), []
    for name in classes:
        seen[name] += 1
        names.append(f"{name}_{seen[name]}" if total[name] > 1 else name)
    return names
