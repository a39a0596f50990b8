"""A likelihood of the mixture itself: Gaussian moments of the data behind every code.

The table p(m | z_1..z_N) knows of a mixture's frame no more than its code m. The frame y_s is known exactly,
and the sources add up in it: y_s = sum_n alpha_n x_n,s. If x_n,s given z_n has mean mu and covariance C,
then y_s given all codes has mean sum_n alpha_n mu[z_n] and covariance sum_n alpha_n² C[z_n]. So K means and
covariances, counted once on the training data as the table is, give log p(y_s | z_1, z_2) for all K² pairs.
This step is not in the paper.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lass.likelihood.settings import LARGEST_FRAMES
from lass.storage import check_sums, damaged, read_header, read_tensors, write_tensors

FORM = "lass.frames"
VERSION = 2


@dataclass(frozen=True)
class FrameMoments:
    """Sums over the training frames of every code; moments are taken at the end, as with the table."""

    count: Tensor  # [K] float64
    total: Tensor  # [K, D] float64
    squares: Tensor  # [K, D, D] float64

    @classmethod
    def empty(cls, codes: int, numbers: int) -> "FrameMoments":
        """No frame yet, for K `codes` and frames of D `numbers`."""
        shapes = ((codes,), (codes, numbers), (codes, numbers, numbers))
        return cls(*(torch.zeros(shape, dtype=torch.float64) for shape in shapes))

    def add(self, frames: Tensor, codes: Tensor) -> None:
        """Count frames [P, D] with their codes [P]."""
        exact = frames.double()
        self.count.index_add_(0, codes, torch.ones(len(codes), dtype=torch.float64))
        self.total.index_add_(0, codes, exact)
        order = codes.argsort(stable=True)
        sizes = torch.bincount(codes, minlength=len(self.count)).tolist()
        for code, rows in enumerate(exact[order].split(sizes)):
            self.squares[code] += rows.T @ rows


@dataclass(frozen=True)
class FrameLikelihood:
    """log p(y_s | z_1, z_2) of every pair as a linear function of the frame's products and values."""

    quadratic: Tensor  # [D * D, K * K] float32
    linear: Tensor  # [D, K * K] float32
    constant: Tensor  # [K * K] float32; -inf for pairs with a code that was never seen

    def __call__(self, frames: Tensor) -> Tensor:
        """`log p(y_s | z_1, z_2)` [B, S, K, K] of frames y_s [B, S, D]."""
        products = (frames[..., :, None] * frames[..., None, :]).flatten(2)  # [B, S, D * D]
        size = round(len(self.constant) ** 0.5)
        values: Tensor = products @ self.quadratic + frames @ self.linear + self.constant
        return values.view(*values.shape[:2], size, size)


def frame_likelihood(moments: FrameMoments, *, weights: Tensor, noise: float) -> FrameLikelihood:
    """The likelihood of two sources.

    Args:
        moments: of the sources' frames.
        weights: alpha [2].
        noise: standard deviation added to every number of the mixture's frame, so that codes whose frames
            hardly vary (an empty background) do not forbid small differences; in units of the data.

    Raises ValueError for other numbers of sources, and where K² D² numbers are more than `LARGEST_FRAMES`.
    """
    codes, numbers = moments.total.shape
    if len(weights) != 2:
        raise ValueError(
            f"{len(weights)} sources: the likelihood of frames is for 2; use the table of counts"
        )
    if codes**2 * numbers**2 > LARGEST_FRAMES:
        raise ValueError(
            f"{codes} codes and frames of {numbers} numbers make {codes**2 * numbers**2} numbers, more than "
            f"{LARGEST_FRAMES}: use the table of counts"
        )
    seen = moments.count.clamp_min(1)[:, None]
    mean = moments.total / seen  # [K, D]
    covariance = moments.squares / seen[..., None] - mean[:, :, None] * mean[:, None, :]
    alpha = weights.double().cpu()
    mixed = alpha[0] * mean[:, None] + alpha[1] * mean[None]  # [K, K, D]
    spread = alpha[0] ** 2 * covariance[:, None] + alpha[1] ** 2 * covariance[None]
    spread = spread + noise**2 * torch.eye(numbers, dtype=torch.float64)
    factor = torch.linalg.cholesky(spread.flatten(0, 1))  # [K², D, D]
    precision = torch.cholesky_inverse(factor)
    pulled = (precision @ mixed.flatten(0, 1)[..., None])[..., 0]  # [K², D]
    volume = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1) + numbers * math.log(2 * math.pi)
    constant = -0.5 * ((mixed.flatten(0, 1) * pulled).sum(dim=1) + volume)
    never = moments.count == 0
    constant[(never[:, None] | never[None]).flatten()] = -torch.inf
    parts = (-0.5 * precision.flatten(1).T, pulled.T, constant)
    return FrameLikelihood(*(part.float().contiguous().to(weights.device) for part in parts))


def cut_frames(data: Tensor, *, image: tuple[int, int, int] | None, hop: int) -> Tensor:
    """Frames [B, S, D] of data points [B, T]: `hop` samples, or squares of `hop` pixels in raster order."""
    if image is None:
        return data.view(len(data), -1, hop)
    squares: Tensor = functional.unfold(data.unflatten(1, image), hop, stride=hop)  # [B, D, S]
    return squares.transpose(1, 2)


def write_frames(path: Path, moments: FrameMoments, *, codebook: str) -> None:
    """Write the sums, of codes of the codebook of this identity; equal sums give equal bytes."""
    write_tensors(path, vars(moments), form=FORM, version=VERSION, fields={"codebook": codebook})


def read_frames(path: Path, *, codebook: str) -> FrameMoments:
    """Read what `write_frames` wrote; ValueError, naming the file, where it is of another codebook."""
    header, tensors = read_header(path, form=FORM, version=VERSION), read_tensors(path)
    if header.get("codebook") != codebook:
        raise ValueError(f"{path}: of codebook {header.get('codebook')}, not of {codebook}; make it again")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    total = shapes.get("total", ())  # codes and numbers
    wanted = {"count": total[:1], "total": total, "squares": (*total, *total[1:])}
    if len(total) != 2 or shapes != wanted:
        raise damaged(path, f"it holds {sorted(tensors)}")
    check_sums(path, tensors["count"], tensors["squares"].diagonal(dim1=1, dim2=2))
    check_sums(path, tensors["total"].abs(), tensors["squares"].abs())
    return FrameMoments(**tensors)
