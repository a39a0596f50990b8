"""Where the data of a data set are: the folder, its splits, and the folders or files of its classes."""

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from lass.config.registry import AUDIO_READERS, NAMING_READERS
from lass.data.programs import check_programs
from lass.data.settings import Contents
from lass.data.sources import PUBLIC_DATA
from lass.settings import Identifier, PositiveInt, Section, WithoutNulls, key


def listed(names: Any) -> Any:
    """Names as a list of texts: one may stand alone, and one of digits is a number to YAML."""
    names = names if isinstance(names, list | tuple) else [names]
    return [str(name) if isinstance(name, int) and not isinstance(name, bool) else name for name in names]


def known_reader(source: str, *, readers: Mapping[str, str]) -> str:
    """`source`, where it names one of the `readers`; a ValueError otherwise."""
    if source not in readers:
        raise ValueError(f"source {source!r} is unknown: choose one of {', '.join(readers)}")
    return source


Names = Annotated[list[str], Field(min_length=1), BeforeValidator(listed)]


class Located(Section):
    """What a data set says about its folder, and what of it a split is read from."""

    source: str
    root: str | None = key(
        "the folder that holds the data; a relative path starts at the working directory",
        "path",
        default=None,
    )
    held_out: PositiveInt | None = key(
        "items of `train` that are the split `validation` where the data have none: of MNIST the last ones, "
        "of folders some from all over the list",
        "items",
        default=None,
    )
    classes: Annotated[list[Identifier], Field(min_length=1)] = key(
        "names of the classes; `files` says where a class of another name is", "names"
    )
    files: Annotated[dict[Identifier, Names], WithoutNulls] = key(
        "of `stems`: the names of the files, without suffix, whose sum a class is; of `utterances` and "
        "`folder`: the folders of a class. A class that is not named here has its own name",
        "names",
        default_factory=dict,
    )

    @model_validator(mode="after")
    def check_files(self) -> Self:
        """Different classes, and files of classes that there are."""
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes {self.classes} names a class twice")
        strange = sorted(set(self.files) - set(self.classes))
        if strange:
            raise ValueError(f"files names {strange[0]!r}, which is none of the classes {self.classes}")
        if self.files and self.source not in NAMING_READERS:
            raise ValueError(f"files names files or folders, but source is {self.source!r}: leave it out")
        return self

    @property
    def expanded_root(self) -> str:
        """The root with ~ and variables of the environment filled in; empty where there is none."""
        return os.path.normpath(os.path.expandvars(Path(self.root).expanduser())) if self.root else ""

    @property
    def checked_root(self) -> str:
        """The expanded root, where it is a folder; a FileNotFoundError that says where it was looked for.

        ValueError where the locale has no bytes for its letters.
        """
        try:
            os.fsencode(self.expanded_root)
        except UnicodeEncodeError:
            raise ValueError(
                f"root is {self.root!a}, but the locale knows only ASCII: set LC_ALL=C.UTF-8 or "
                "PYTHONUTF8=1 in the environment"
            ) from None
        if not Path(self.expanded_root).is_dir():
            raise FileNotFoundError(
                f"root is {self.root!r}, but {Path(self.expanded_root).absolute()} is no folder: correct "
                "root (a relative path starts at the working directory, --directory of Snakemake)"
            )
        return self.expanded_root

    def folder_of(self, split: str) -> str:
        """Name of the folder of a split: that of training, where validation is held out of it.

        FileNotFoundError where there is none.
        """
        root = Path(self.checked_root)
        name = "train" if split == "validation" and self.held_out_of(split) else split
        if not (root / name).is_dir():
            remedy = ", or set held_out to the number of items of train that take its place"
            raise FileNotFoundError(
                f"{root.absolute()} has no folder {name!r}: lay it out as docs/datasets.md says"
                + (remedy if name == "validation" else "")
            )
        return name

    def held_out_of(self, split: str) -> int | None:
        """Items that are taken from train for validation, where `split` is one of the two; else None."""
        whole = split == "test" or Path(self.expanded_root, "validation").is_dir()
        return None if whole else self.held_out

    def folders_of_classes(self, folder: str) -> tuple[str, ...]:
        """The folders of all classes in `folder`; a FileNotFoundError that names one that is not there."""
        home = Path(self.checked_root, folder)
        for name in self.classes:
            for given in self.files.get(name, [name]):
                if not (home / given).is_dir():
                    raise FileNotFoundError(
                        f"{home.absolute()} has no folder {given!r} of class {name!r}: add it, or name the "
                        f"class's own in files, such as files: {{{name}: [{name.capitalize()}]}}"
                    )
        return tuple(f"{folder}/{given}" for name in self.classes for given in self.files.get(name, [name]))

    @abstractmethod
    def places(self, split: str) -> tuple[str, ...]:
        """What of the root a split is read from: files, and folders at any depth; relative paths."""

    @property
    @abstractmethod
    def suffixes(self) -> tuple[str, ...]:
        """Of files in folders that count."""

    def contents(self, split: str, *, record: str) -> Contents | None:
        """What of the user's folder a split is read from; None where the data are made or fetched here."""
        if not self.root:
            return None
        return Contents(
            root=self.checked_root, places=self.places(split), suffixes=self.suffixes, record=record
        )


def check_known(source: str, classes: Sequence[str]) -> None:
    """ValueError for classes that no song in Slakh's layout has, where that is what is read."""
    if AUDIO_READERS[source] == AUDIO_READERS["slakh"]:
        check_programs(classes)


def check_download(name: str | None, place: Located) -> None:
    """ValueError where the public data set is in another layout than `source` reads, or `root` is given."""
    if name is None:
        return
    layout = PUBLIC_DATA[name].source
    if place.source != layout:
        raise ValueError(
            f"download {name!r} is in the layout of source {layout!r}, but source is {place.source!r}: "
            "change one of the two"
        )
    for asked, value in (("root", place.root), ("held_out", place.held_out)):
        if value is not None:
            raise ValueError(
                f"download {name!r} brings a folder with all splits, but {asked} is {value!r}: set it to null"
            )
