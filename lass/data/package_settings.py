"""Recordings in packages of Debian: which files of which package are whose; without torch or numpy."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lass.settings import Factor, Identifier, PositiveFloat, Section, WithoutNulls, key

SUFFIX = ".deb"
Patterns = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
Decibels = Annotated[float, Field(ge=-80, le=0)]


class Selected(Section):
    """Files of one package that are recordings of one voice, or of one kind of sounds."""

    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")] = key(
        "name of the package, of which `root` holds one file", "name"
    )
    files: Patterns = key(
        "paths in the package, as patterns in which `*` stands for anything, also for slashes", "patterns"
    )
    leave_out: list[str] = key("those of them that are not taken", "patterns", default_factory=list)
    zip: str | None = key(
        "a zip archive in the package that `files` are in; null: they are in the package itself",
        "path",
        default=None,
    )
    voice: Identifier = key("whose recordings these are; short ones of one entry are joined", "name")
    split: Literal["train", "validation", "test"] | None = key(
        "the split that they are for; null: eight of ten files for train and one each for the others, "
        "decided by their bytes",
        "train, validation, test",
        default=None,
    )


class Packages(Section):
    """What is taken out of packages, brought to one level, without silence around it, in no short pieces."""

    classes: Annotated[dict[Identifier, Annotated[list[Selected], Field(min_length=1)]], WithoutNulls] = key(
        "the recordings of each class", "sections"
    )
    seconds: PositiveFloat = key(
        "recordings that are shorter are joined, with others of the entry, until they are as long",
        "s",
        default=4.0,
    )
    gaps: tuple[Factor, Factor] = key(
        "shortest and longest silence between two that are joined", "s", default=(0.1, 0.3)
    )
    levels: tuple[Decibels, Decibels] = key(
        "lowest and highest level that recordings are brought to, the root of their mean square; those with "
        "high peaks stay below, as no peak passes full scale",
        "dB",
        default=(-25.0, -20.0),
    )
    quiet: PositiveFloat = key(
        "how far below its loudest moment the beginning and the end of a recording may be before they are "
        "cut off",
        "dB",
        default=40.0,
    )

    @model_validator(mode="after")
    def check(self) -> Self:
        """Bounds in order."""
        for name in ("gaps", "levels"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} [{low:g}, {high:g}] is upside down: give the lower bound first")
        return self

    def of_split(self, split: str) -> dict[str, list[Selected]]:
        """Per class, what may hold recordings of a split. ValueError where a class has nothing."""
        found = {
            name: [each for each in chosen if each.split in (None, split)]
            for name, chosen in self.classes.items()
        }
        empty = next((name for name, chosen in found.items() if not chosen), None)
        if empty is not None:
            raise ValueError(
                f"packages.classes.{empty} has nothing for the split {split!r}: name files for it"
            )
        return found

    def behind(self, split: str) -> "Packages":
        """The same with all that is taken of the packages of a split, so that no file is for two splits."""
        names = self.names(split)
        classes = {
            name: [each for each in chosen if each.package in names] for name, chosen in self.classes.items()
        }
        return self.model_copy(update={"classes": classes})

    def names(self, split: str) -> list[str]:
        """The packages that a split needs."""
        return sorted({each.package for chosen in self.of_split(split).values() for each in chosen})


def find_package(root: Path, name: str) -> Path:
    """The file of the package `name` in `root`: <name>_<version>_<architecture>.deb.

    FileNotFoundError where there is none, ValueError where there are several.
    """
    found = sorted(root.glob(f"{name}_*{SUFFIX}"))
    if not found:
        raise FileNotFoundError(
            f"{root.absolute()} has no package {name}_*{SUFFIX}: fetch it there, with `apt-get download "
            f"{name}` on Debian or from packages.debian.org, or take it out of packages.classes"
        )
    if len(found) > 1:
        raise ValueError(f"{found[0]} and {found[1].name} are both {name}: keep one of them")
    return found[0]
