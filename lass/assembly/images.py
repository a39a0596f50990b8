"""The images of a split, from their folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lass.data.images.library import FILE, ImageLibrary, open_images


def open_image_library(folder: Path, library: Mapping[str, Any]) -> ImageLibrary:
    """The images in `folder`; `library` holds their `image` (colours, rows, columns) and the classes."""
    return open_images(folder / FILE, image=library["image"], classes=library["classes"])
