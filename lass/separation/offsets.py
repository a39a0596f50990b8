"""Where the frames of a mixture begin: it is moved, so that its codes are of other frames.

A codec hears a mixture in frames, and what it makes of it depends on where they begin. A mean over several
such offsets forgets them: cycle spinning (Coifman and Donoho 1995, "Translation-invariant de-noising"). What
leaves at one end comes in at the other, so that nothing is lost and moving back is exact. Not a step of the
paper.
"""

import torch
from torch import Tensor

Image = tuple[int, int, int]  # colours, rows and columns of a data point


def offsets_of(number: int, *, hop: int) -> list[int]:
    """By how many samples, or pixels along either axis, a mixture is moved for each of so many offsets.

    At most `hop` of them differ.
    """
    return [place * hop // number for place in range(number)]


def moved(data: Tensor, by: int, *, image: Image | None) -> Tensor:
    """Data points [..., T] moved by so many samples, or pixels down and to the right; back where `by` < 0."""
    if by == 0:
        return data
    if image is None:
        return data.roll(by, dims=-1)
    pictures: Tensor = data.unflatten(-1, image)
    return pictures.roll((by, by), dims=(-2, -1)).flatten(-3)


def each_moved(data: Tensor, by: Tensor, *, image: Image | None) -> Tensor:
    """Data points [M, ..., T], each moved by its own number [M]."""
    if not by.any():
        return data
    return torch.stack([moved(one, own, image=image) for one, own in zip(data, by.tolist(), strict=True)])
