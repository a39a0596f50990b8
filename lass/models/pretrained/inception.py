"""The network whose features FID compares: Inception v3 with the weights of 2015 (Szegedy et al. 2016).

As pytorch-fid publishes it: three kinds of blocks differ from other ports of the architecture, in that means
do not count what lies outside of an image, and the last block takes a maximum where the others take a mean.
Normalisations are not folded into the convolutions before them, so that features are rounded as the
original's are. The classifier is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lass.models.pretrained.checking import fit_layout, without
from lass.models.pretrained.pickles import read_weights
from lass.models.pretrained.registry import KINDS
from lass.models.pretrained.stored import (
    check_files,
    describe_part,
    filled,
    shapes_of,
    source_of,
    tensors_of,
    without_memory,
    write_part,
)
from lass.storage import read_tensors

KIND = "inception"
FILE = "inception.safetensors"
AT_ONCE = 64  # images that are worked on together
EPSILON = 1e-3  # of all normalisations
_PARTS = {"convolution.weight": "conv.weight"} | {
    f"normalisation.{part}": f"bn.{part}" for part in ("weight", "bias", "running_mean", "running_var")
}
FOLDED = "layers.0.convolution.bias"  # in files from before normalisations were layers
IGNORED = r".*\.num_batches_tracked$|fc\.(weight|bias)$|AuxLogits\."


@dataclass(frozen=True)
class InceptionShape:
    """What a file of the network says of it."""

    side: int = 299  # pixels that images are enlarged or reduced to
    features: int = 2048


class Normalisation(nn.Module):
    """Batch normalisation by given means and variances, of inference alone."""

    def __init__(self, channels: int) -> None:
        """What is stored of it has the names of `nn.BatchNorm2d`."""
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.running_mean, self.running_var = (
            nn.Buffer(torch.zeros(channels)),
            nn.Buffer(torch.ones(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W], every channel by itself."""
        given = (self.running_mean, self.running_var, self.weight, self.bias)
        return functional.batch_norm(x, *given, training=False, eps=EPSILON)


class Unit(nn.Module):
    """A convolution, normalised, and what is positive of it; sizes are kept but for `stride` 2."""

    def __init__(self, published: str, sizes: tuple[int, int], kernel: tuple[int, int], **more: Any) -> None:
        """`published`: what the layer is called in the published file; `sizes`: channels in and out."""
        super().__init__()
        self.published = published
        self.convolution = nn.Conv2d(*sizes, kernel, bias=False, **more)
        self.normalisation = Normalisation(sizes[1])

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] -> [B, O, H', W']."""
        return functional.relu(self.normalisation(self.convolution(x)))


class Beside(nn.Module):
    """Paths that all see the same; what they give stands one behind the other."""

    def __init__(self, *paths: nn.Module) -> None:
        """The paths, in the order of their channels."""
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, sum of the paths' channels, H', W']."""
        return torch.cat([path(x) for path in self.paths], dim=1)


def same(block: str, name: str, inputs: int, outputs: int, *kernel: int) -> Unit:
    """A unit of `block` that keeps the image's size; a kernel of 1, of k x k, or of rows x columns."""
    rows, columns = (kernel * 2)[:2] if kernel else (1, 1)
    return Unit(f"{block}{name}", (inputs, outputs), (rows, columns), padding=(rows // 2, columns // 2))


def halving(block: str, name: str, inputs: int, outputs: int) -> Unit:
    """A 3 x 3 unit of `block` at every other pixel, without anything around the image."""
    return Unit(f"{block}{name}", (inputs, outputs), (3, 3), stride=2)


def mean() -> nn.Module:
    """Of the 3 x 3 pixels around each, of those that there are."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def wide(name: str, inputs: int, pooled: int) -> Beside:
    """Kernels of 5 x 5, and two of 3 x 3 (figure 5 of the paper)."""
    unit = partial(same, f"{name}.branch")
    return Beside(
        unit("1x1", inputs, 64),
        nn.Sequential(unit("5x5_1", inputs, 48), unit("5x5_2", 48, 64, 5)),
        nn.Sequential(unit("3x3dbl_1", inputs, 64), unit("3x3dbl_2", 64, 96, 3), unit("3x3dbl_3", 96, 96, 3)),
        nn.Sequential(mean(), unit("_pool", inputs, pooled)),
    )


def first_reduction(name: str, inputs: int) -> Beside:
    """From 35 to 17 pixels."""
    unit, last = partial(same, f"{name}.branch"), partial(halving, f"{name}.branch")
    return Beside(
        last("3x3", inputs, 384),
        nn.Sequential(unit("3x3dbl_1", inputs, 64), unit("3x3dbl_2", 64, 96, 3), last("3x3dbl_3", 96, 96)),
        nn.MaxPool2d(3, stride=2),
    )


def crossed(name: str, inner: int) -> Beside:
    """Rows and columns of 7 one after the other, of `inner` channels (figure 6)."""
    unit = partial(same, f"{name}.branch")
    return Beside(
        unit("1x1", 768, 192),
        nn.Sequential(
            unit("7x7_1", 768, inner), unit("7x7_2", inner, inner, 1, 7), unit("7x7_3", inner, 192, 7, 1)
        ),
        nn.Sequential(
            unit("7x7dbl_1", 768, inner),
            unit("7x7dbl_2", inner, inner, 7, 1),
            unit("7x7dbl_3", inner, inner, 1, 7),
            unit("7x7dbl_4", inner, inner, 7, 1),
            unit("7x7dbl_5", inner, 192, 1, 7),
        ),
        nn.Sequential(mean(), unit("_pool", 768, 192)),
    )


def second_reduction(name: str) -> Beside:
    """From 17 to 8 pixels."""
    unit, last = partial(same, f"{name}.branch"), partial(halving, f"{name}.branch")
    return Beside(
        nn.Sequential(unit("3x3_1", 768, 192), last("3x3_2", 192, 320)),
        nn.Sequential(
            unit("7x7x3_1", 768, 192),
            unit("7x7x3_2", 192, 192, 1, 7),
            unit("7x7x3_3", 192, 192, 7, 1),
            last("7x7x3_4", 192, 192),
        ),
        nn.MaxPool2d(3, stride=2),
    )


def forked(name: str, inputs: int, pool: nn.Module) -> Beside:
    """Rows and columns of 3 beside each other (figure 7)."""
    unit = partial(same, f"{name}.branch")
    return Beside(
        unit("1x1", inputs, 320),
        nn.Sequential(
            unit("3x3_1", inputs, 384),
            Beside(unit("3x3_2a", 384, 384, 1, 3), unit("3x3_2b", 384, 384, 3, 1)),
        ),
        nn.Sequential(
            unit("3x3dbl_1", inputs, 448),
            unit("3x3dbl_2", 448, 384, 3),
            Beside(unit("3x3dbl_3a", 384, 384, 1, 3), unit("3x3dbl_3b", 384, 384, 3, 1)),
        ),
        nn.Sequential(pool, unit("_pool", inputs, 192)),
    )


def layers() -> nn.Sequential:
    """[B, 3, 299, 299] in [-1, 1] -> [B, 2048, 8, 8]."""
    return nn.Sequential(
        halving("Conv2d_", "1a_3x3", 3, 32),
        Unit("Conv2d_2a_3x3", (32, 32), (3, 3)),
        same("Conv2d_", "2b_3x3", 32, 64, 3),
        nn.MaxPool2d(3, stride=2),
        same("Conv2d_", "3b_1x1", 64, 80),
        Unit("Conv2d_4a_3x3", (80, 192), (3, 3)),
        nn.MaxPool2d(3, stride=2),
        wide("Mixed_5b", 192, 32),
        wide("Mixed_5c", 256, 64),
        wide("Mixed_5d", 288, 64),
        first_reduction("Mixed_6a", 288),
        crossed("Mixed_6b", 128),
        crossed("Mixed_6c", 160),
        crossed("Mixed_6d", 160),
        crossed("Mixed_6e", 192),
        second_reduction("Mixed_7a"),
        forked("Mixed_7b", 1280, mean()),
        forked("Mixed_7c", 2048, nn.MaxPool2d(3, stride=1, padding=1)),
    )


class Inception(nn.Module):
    """Features of images, whose means and covariances are compared."""

    def __init__(self, shape: InceptionShape) -> None:
        """Weights are for others to fill in."""
        super().__init__()
        self.shape = shape
        self.layers = layers()

    def forward(self, images: Tensor) -> Tensor:
        """Features [B, 2048] of images [B, 1 or 3, H, W] in [0, 1], of any size; grey ones are no trouble."""
        side = self.shape.side
        coloured = images.expand(-1, 3, -1, -1)
        enlarged = functional.interpolate(coloured, size=(side, side), mode="bilinear", align_corners=False)
        return functional.adaptive_avg_pool2d(self.layers(2 * enlarged - 1), 1).flatten(1)

    @torch.inference_mode()
    def features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same of an array of images, a few at a time, where the network is."""
        device = next(self.parameters()).device
        parts = torch.from_numpy(np.ascontiguousarray(images)).split(AT_ONCE)
        return torch.cat([self(part.to(device)).cpu() for part in parts]).numpy()


def units_of(network: Inception) -> Iterator[tuple[str, Unit]]:
    """Every unit, with our name of it."""
    for name, module in network.named_modules():
        if isinstance(module, Unit):
            yield name, module


def convert_inception(path: Path, tensors: Mapping[str, Tensor]) -> Inception:
    """The network whose `tensors`, of the file at `path`, have the published names; ready for inference.

    ValueError, with the names, where some are missing, unknown or of another shape.
    """
    network = without_memory(Inception, InceptionShape())
    published = {
        f"{name}.{ours}": f"{unit.published}.{theirs}"
        for name, unit in units_of(network)
        for ours, theirs in _PARTS.items()
    }
    shapes = shapes_of(network)
    layout = {theirs: shapes[ours] for ours, theirs in published.items()}
    found = fit_layout(path, without(tensors, IGNORED), layout)
    return filled(network, {ours: found[theirs] for ours, theirs in published.items()})


def import_inception(files: Sequence[Path], out: Path) -> Path:
    """Write the network of the published file into the folder `out`."""
    path = check_files(files, KIND)
    network = convert_inception(path, read_weights(path))
    provenance = source_of(path, KINDS[KIND].licence)
    write_part(out / FILE, tensors_of(network), kind=KIND, shape=network.shape, provenance=provenance)
    return out / FILE


def read_inception(path: Path) -> Inception:
    """The network stored at `path`, ready for inference; ValueError for another kind or a damaged file."""
    shape, _ = describe_part(path, KIND, InceptionShape)
    network, tensors = without_memory(Inception, shape), read_tensors(path)
    if FOLDED in tensors:
        raise ValueError(f"{path}: imported by an earlier lass, in other parts: import the file again")
    return filled(network, fit_layout(path, tensors, shapes_of(network)))


def open_inception(path: Path) -> Inception:
    """The network of the published file at `path`, or of what `import_inception` made of it."""
    return (
        read_inception(path) if path.suffix == ".safetensors" else convert_inception(path, read_weights(path))
    )
