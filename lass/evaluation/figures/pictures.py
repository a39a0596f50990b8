"""Separations of images to look at: mixtures, what is true and what was estimated, side by side."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lass.evaluation.figures.drawing import DPI, new_figure, write_figure
from lass.evaluation.separations import Array, Embedded, Separations
from lass.writing import written_aside

FloatArray = NDArray[np.float64]

IMAGE_DOTS = 84
"""Size that an image has about in a figure of separations, in dots of the PNG file."""
PADDING = 2
"""Pixels of white right of and below each image of such a figure."""
GAP = 0.06
"""Inches of white between the rows of two methods."""


@dataclass(frozen=True)
class Pictures:
    """Images of `image` colours, rows and columns; a source is their product T of numbers in [0, 1].

    One colour is black to white, three are red, green and blue. Numbers outside [0, 1] are clamped.
    """

    image: tuple[int, int, int]

    def draw(self, separations: Separations, *, path: Path) -> None:
        """Draw separations side by side, as the paper's Figure 3, and write them to `path` as PNG.

        One column per mixture; from above: the mixtures, their true sources, and each method's estimates
        under its name, in the order given.

        Raises:
            ValueError: sources that do not fit `image`, NaN, or a `path` that does not end in .png.
        """
        blocks = {
            "mixture": self._block(separations.mixtures[:, None], "mixtures"),
            "sources": self._block(separations.sources, "sources"),
        } | {
            name: self._block(images, f"estimates of {name!r}")
            for name, images in separations.estimates.items()
        }
        dots = max(1, round(IMAGE_DOTS / max(self.image[1:])))  # a whole number: all pixels are of one size
        _draw_blocks(blocks, dots=dots, path=path)

    def export(self, parts: Mapping[str, Array], *, folder: Path) -> None:
        """Write images [T] as PNG files of their names, a byte for each colour of a pixel."""
        for name, image in self.embed(parts).items():
            with written_aside(folder / f"{name}.png") as aside:
                aside.write_bytes(image.picture)

    def embed(self, parts: Mapping[str, Array]) -> dict[str, Embedded]:
        """Images [T] as the PNG files that `export` writes."""
        return {name: Embedded(self._encode(part, name)) for name, part in parts.items()}

    def _encode(self, part: Array, name: str) -> bytes:
        """An image [T] as PNG."""
        pixels = (self._pixels(part[None, None], repr(name))[0, 0] * 255).round().astype(np.uint8)
        picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        file = io.BytesIO()
        picture.save(file, format="PNG")
        return file.getvalue()

    def _block(self, images: Array, name: str) -> FloatArray:
        """Images [M, rows, T] as one picture [height, width, 3]: M columns, white between the images."""
        pixels = self._pixels(images, name)
        mixtures, rows, _, height, width = pixels.shape
        tiles = np.ones((rows, height + PADDING, mixtures, width + PADDING, 3))
        tiles[:, :height, :, :width] = pixels.transpose(1, 3, 0, 4, 2)  # grey spreads over the three colours
        return tiles.reshape(rows * (height + PADDING), mixtures * (width + PADDING), 3)

    def _pixels(self, images: Array, name: str) -> FloatArray:
        """Images [M, rows, T] as [M, rows, colours, height, width] in [0, 1]."""
        colours, height, width = self.image
        if colours not in (1, 3):
            raise ValueError(f"image {self.image}: a figure has 1 or 3 colours, not {colours}")
        if images.shape[2] != colours * height * width:
            raise ValueError(
                f"{name} are {images.shape}, expected {(*images.shape[:2], colours * height * width)} for "
                f"images {self.image}: give all in flat rows"
            )
        if np.isnan(images).any():
            raise ValueError(f"{name} hold NaN pixels: repair the method, then draw it")
        return np.asarray(images.reshape(*images.shape[:2], *self.image).clip(0.0, 1.0), dtype=np.float64)


def _draw_blocks(blocks: Mapping[str, FloatArray], *, dots: int, path: Path) -> None:
    """Draw pictures [height, width, 3] below each other beside their names, a pixel as `dots` of the file."""
    size = np.array([block.shape[:2] for block in blocks.values()]) * dots / DPI  # [blocks, 2] inches
    margin = 0.2 + 0.08 * max(map(len, blocks))  # for the names
    width, height = margin + size[0, 1], size[:, 0].sum() + GAP * (len(blocks) - 1)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # a dot of the file is a dot of an image
    bottoms = height - np.cumsum(size[:, 0]) - GAP * np.arange(len(blocks))
    for (name, block), bottom, (high, wide) in zip(blocks.items(), bottoms, size, strict=True):
        axes = figure.add_axes((margin / width, bottom / height, wide / width, high / height))
        axes.imshow(block, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        middle = (bottom + high / 2) / height
        figure.text((margin - 0.1) / width, middle, name, ha="right", va="center", fontsize=8)
    write_figure(figure, path=path)
