"""The section `fid` of a data set of images: which estimates are compared with which images."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lass.settings import Identifier, Section, key


class Fid(Section):
    """The Frechet distance of sets of images, `results/{dataset}_fid.csv`."""

    split: Literal["validation", "test"] = key(
        "whose mixtures it is about", "validation, test", default="test"
    )
    rows: Annotated[list[Identifier], Field(min_length=1)] | None = key(
        "its methods, in order; null: those of the table `psnr`", "names", default=None
    )
    reference: Literal["sources", "train", "validation", "test"] = key(
        "what the estimates are compared with: `sources`, the true sources of the same mixtures, or all "
        "images of a split",
        "sources, train, validation, test",
        default="sources",
    )
    statistics: str | None = key(
        "file `.npz` with `mu` and `sigma` of the images to compare with, as pytorch-fid writes them, in the "
        "place of `reference`; a relative path starts at the working directory",
        "path",
        default=None,
    )
    weights: str | None = key(
        "weights of Inception: the file that pytorch-fid publishes, or what `lass import inception` made of "
        "it; a relative path starts at the working directory; null fetches them to `results/weights/`",
        "path",
        default=None,
    )

    @property
    def described(self) -> str:
        """What the estimates are compared with, in words for a table."""
        if self.statistics:
            return Path(self.statistics).name
        return "sources of the mixtures" if self.reference == "sources" else f"images of {self.reference}"


def expanded(path: str | None) -> str | None:
    """A path with ~ and variables of the environment filled in."""
    return os.path.expandvars(Path(path).expanduser()) if path else None


def check_fid(fid: Fid, *, families: Mapping[str, str], tables: Mapping[str, object]) -> None:
    """Rows that exist, each once; a name that no table has taken."""
    if "fid" in tables:
        raise ValueError("tables.fid: the name is taken by the table of the section fid, choose another")
    rows = fid.rows or []
    if not set(rows) <= set(families) or len(set(rows)) != len(rows):
        raise ValueError(f"fid.rows {rows} must name different ones of {sorted(families)}")
